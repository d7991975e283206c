import type { SessionKey } from "../../core/ids.ts";
import type { LogRow } from "../../core/store.ts";
import type { Query } from "./client.ts";

/** The logs of one session, by name. */
export async function logs(query: Query, { project, session }: SessionKey): Promise<readonly LogRow[]> {
  return [...(await query<LogRow>(logsSql, project, session))];
}

const logsSql = `
  SELECT l.name AS log, l.committed AS head, l.committed, l.length, l.created_at_ms AS "createdAtMs",
    CASE WHEN l.head = l.committed THEN l.updated_at_ms ELSE (
      SELECT (times::json ->> -1)::bigint FROM hf.chunk c
      WHERE c.project = l.project AND c.session = l.session AND c.log_id = l.id AND c.first_seq <= l.committed
      ORDER BY c.first_seq DESC LIMIT 1
    ) END AS "updatedAtMs"
  FROM hf.log l WHERE l.project = $1 AND l.session = $2 AND l.committed > 0 ORDER BY l.name`;
