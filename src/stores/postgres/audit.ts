import type { AuditParams, AuditRow } from "../../core/audit.ts";
import { checkLimit } from "../../core/checks.ts";
import type { Query } from "./client.ts";

/** What was decided, newest first. */
export async function audit(
  query: Query,
  { session, limit = 50 }: AuditParams,
): Promise<readonly AuditRow[]> {
  checkLimit(limit, 1000);
  const rows =
    session === undefined
      ? await query<StoredAuditRow>(`${auditSql} ORDER BY seq DESC LIMIT $1`, limit)
      : await query<StoredAuditRow>(ofSessionSql, session.project, session.session, limit);
  return rows.map(toAuditRow);
}

/** A row as the port shows it. */
export function toAuditRow({ run, reason, ...row }: StoredAuditRow): AuditRow {
  return { ...row, ...(run === null ? {} : { run }), ...(reason === null ? {} : { reason }) };
}

export type StoredAuditRow = Omit<AuditRow, "run" | "reason"> & {
  readonly run: string | null;
  readonly reason: string | null;
};

/** What a query of the audit begins with. */
export const auditSql = `SELECT seq, at_ms AS "atMs", actor, verb, project, session, run, reason FROM hf.audit`;
const ofSessionSql = `${auditSql} WHERE project = $1 AND session = $2 ORDER BY seq DESC LIMIT $3`;
