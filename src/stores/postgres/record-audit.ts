import type { AuditRow } from "../../core/audit.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Query } from "./client.ts";

/** Adds one row to the audit, inside the transaction of what it tells. */
export async function recordAudit(
  query: Query,
  { key, atMs, actor, verb, run, reason }: RecordAuditParams,
): Promise<void> {
  await query(auditSql, atMs, actor, verb, key.project, key.session, run ?? null, reason ?? null);
}

interface RecordAuditParams extends Pick<AuditRow, "atMs" | "actor" | "verb"> {
  readonly key: SessionKey;
  readonly run?: string | undefined;
  readonly reason?: string | undefined;
}

const auditSql = `
  INSERT INTO hf.audit (at_ms, actor, verb, project, session, run, reason) VALUES ($1, $2, $3, $4, $5, $6, $7)`;
