import type { AuditRow } from "../../core/audit.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Query } from "./client.ts";
import type { LockedSession } from "./in-session.ts";
import { ownJson } from "./own-values.ts";

/** Adds one row to the audit, inside the transaction of what it tells. */
export async function recordAudit(
  query: Query,
  { key, atMs, actor, verb, run, reason }: RecordAuditParams,
): Promise<void> {
  await query(auditSql, atMs, actor, verb, key.project, key.session, run ?? null, reason ?? null);
}

/** Takes the audit of another store, each row once, and says how many of them were new. */
export async function adoptAudit(
  { query, key: { project, session } }: LockedSession,
  rows: readonly Omit<AuditRow, "seq">[],
): Promise<number> {
  const texts = rows.map(({ atMs, actor, verb, run, reason }) => ownJson({ atMs, actor, verb, run, reason }));
  if (texts.length === 0) return 0;
  const written = await query(adoptSql, project, session, `[${[...new Set(texts)].join(",")}]`);
  return written.count;
}

interface RecordAuditParams extends Pick<AuditRow, "atMs" | "actor" | "verb"> {
  readonly key: SessionKey;
  readonly run?: string | undefined;
  readonly reason?: string | undefined;
}

const auditSql = `
  INSERT INTO hf.audit (at_ms, actor, verb, project, session, run, reason) VALUES ($1, $2, $3, $4, $5, $6, $7)`;
const adoptSql = `
  INSERT INTO hf.audit (at_ms, actor, verb, project, session, run, reason)
  SELECT g."atMs", g.actor, g.verb, $1, $2, g.run, g.reason
  FROM ROWS FROM (jsonb_to_recordset($3::text::jsonb) AS ("atMs" bigint, actor text, verb text, run text, reason text))
    WITH ORDINALITY AS g ("atMs", actor, verb, run, reason, place)
  WHERE NOT EXISTS (
    SELECT FROM hf.audit a WHERE a.project = $1 AND a.session = $2 AND a.at_ms = g."atMs" AND a.actor = g.actor
      AND a.verb = g.verb AND a.run IS NOT DISTINCT FROM g.run AND a.reason IS NOT DISTINCT FROM g.reason)
  ORDER BY g.place`;
