import type { SessionKey } from "../../core/ids.ts";
import type { LogRow } from "../../core/store.ts";
import type { Connection } from "./connection.ts";

/** The logs of one session, by name. */
export function logs(connection: Connection, { project, session }: SessionKey): LogRow[] {
  return connection.all<LogRow>(logsSql, project, session).map((row) => ({ ...row }));
}

const logsSql = `
  SELECT l.name AS log, l.committed AS head, l.committed, l.length, l.created_at_ms AS createdAtMs,
    CASE WHEN l.head = l.committed THEN l.updated_at_ms ELSE (
      SELECT times ->> '$[#-1]' FROM chunk c WHERE c.log_id = l.id AND c.last_seq = l.committed
    ) END AS updatedAtMs
  FROM session s JOIN log l ON l.session_id = s.id
  WHERE s.project = ? AND s.session = ? AND l.committed > 0 ORDER BY l.name`;
