import type { AuditParams, AuditRow } from "../../core/audit.ts";
import { checkLimit } from "../../core/checks.ts";
import type { Connection } from "./connection.ts";
import { limited } from "./where.ts";

/** What was decided, newest first. */
export function audit(connection: Connection, { session, limit = 50 }: AuditParams): AuditRow[] {
  checkLimit(limit, 1000);
  const rows =
    session === undefined
      ? connection.all<StoredAuditRow>(`${auditSql} ORDER BY seq DESC ${limited}`, limit)
      : connection.all<StoredAuditRow>(ofSessionSql, session.project, session.session, limit);
  return rows.map(toAuditRow);
}

/** The row as the port gives it. */
export function toAuditRow({ run, reason, ...row }: StoredAuditRow): AuditRow {
  return { ...row, ...(run === null ? {} : { run }), ...(reason === null ? {} : { reason }) };
}

export type StoredAuditRow = Omit<AuditRow, "run" | "reason"> & {
  readonly run: string | null;
  readonly reason: string | null;
};

/** What a query of the audit gives. */
export const auditSql = "SELECT seq, at_ms AS atMs, actor, verb, project, session, run, reason FROM audit";
const ofSessionSql = `${auditSql} WHERE project = ? AND session = ? ORDER BY seq DESC ${limited}`;
