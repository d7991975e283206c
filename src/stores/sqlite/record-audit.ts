import type { AuditRow } from "../../core/audit.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Connection } from "./connection.ts";

/** Adds one row to the audit, inside the transaction of what it tells. */
export function recordAudit(
  connection: Connection,
  { key, atMs, actor, verb, run, reason }: RecordAuditParams,
): void {
  connection.run(auditSql, atMs, actor, verb, key.project, key.session, run ?? null, reason ?? null);
}

interface RecordAuditParams extends Pick<AuditRow, "atMs" | "actor" | "verb"> {
  readonly key: SessionKey;
  readonly run?: string | undefined;
  readonly reason?: string | undefined;
}

const auditSql =
  "INSERT INTO audit (at_ms, actor, verb, project, session, run, reason) VALUES (?, ?, ?, ?, ?, ?, ?)";
