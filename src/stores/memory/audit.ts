import type { AuditParams, AuditRow } from "../../core/audit.ts";
import { checkLimit } from "../../core/checks.ts";
import type { State } from "./state.ts";

/** What operators and recovery decided, newest first. */
export function audit(state: State, { session: key, limit = 50 }: AuditParams): AuditRow[] {
  checkLimit(limit, 1000);
  const rows: AuditRow[] = [];
  for (let index = state.audit.length - 1; index >= 0 && rows.length < limit; index -= 1) {
    const row = state.audit[index]!;
    const matches = key === undefined || (row.project === key.project && row.session === key.session);
    if (matches) rows.push({ ...row });
  }
  return rows;
}
