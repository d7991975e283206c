import type { AuditParams, AuditRow } from "../../core/audit.ts";
import { checkLimit } from "../../core/checks.ts";
import type { Connection } from "./connection.ts";
import { limited } from "./where.ts";

/** What was decided, newest first. */
export function audit(connection: Connection, { session, limit = 50 }: AuditParams): AuditRow[] {
  checkLimit(limit, 1000);
  const rows =
    session === undefined
      ? connection.all<StoredRow>(`${auditSql} ORDER BY seq DESC ${limited}`, limit)
      : connection.all<StoredRow>(ofSessionSql, session.project, session.session, limit);
  return rows.map(({ run, reason, ...row }) => ({
    ...row,
    ...(run === null ? {} : { run }),
    ...(reason === null ? {} : { reason }),
  }));
}

type StoredRow = Omit<AuditRow, "run" | "reason"> & {
  readonly run: string | null;
  readonly reason: string | null;
};

const auditSql = "SELECT seq, at_ms AS atMs, actor, verb, project, session, run, reason FROM audit";
const ofSessionSql = `${auditSql} WHERE project = ? AND session = ? ORDER BY seq DESC ${limited}`;
