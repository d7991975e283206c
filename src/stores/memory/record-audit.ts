import type { AuditRow } from "../../core/audit.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { State } from "./state.ts";

/** Adds one row to the audit trail, in the same step as what it tells. */
export function recordAudit(state: State, { key, atMs, actor, verb, run, reason }: RecordAuditParams): void {
  const { project, session } = key;
  const about = { ...(run === undefined ? {} : { run }), ...(reason === undefined ? {} : { reason }) };
  state.audit.push({ seq: state.audit.length + 1, atMs, project, session, actor, verb, ...about });
}

interface RecordAuditParams extends Pick<AuditRow, "atMs" | "actor" | "verb"> {
  readonly key: SessionKey;
  readonly run?: string | undefined;
  readonly reason?: string | undefined;
}
