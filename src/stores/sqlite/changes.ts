import { type ChangeRow, changesOf } from "../../core/change-row.ts";
import { checkAfter, checkLimit } from "../../core/checks.ts";
import type { ChangesParams, ChangesResult } from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { limited } from "./where.ts";

/** A page of the change feed. */
export function changes(connection: Connection, { after, limit = 100 }: ChangesParams): ChangesResult {
  checkLimit(limit, 1000);
  const position = positionOf(connection);
  checkAfter(after, position, "the change feed");
  const rows = connection.all<ChangeRow>(changesSql, after, limit);
  // Another process may have written since: the page tells the position of its own moment.
  return { changes: changesOf(rows, after), position: rows[0]?.position ?? position };
}

/** The feed's last seq. */
export function positionOf(connection: Connection): number {
  return connection.get<{ position: number }>("SELECT coalesce(max(seq), 0) AS position FROM change")!
    .position;
}

const changesSql = `
  SELECT seq, at_ms AS atMs, kind, project, session, log, first_seq AS first, last_seq AS last, subject AS of,
    (SELECT max(seq) FROM change) AS position
  FROM change WHERE seq > ? ORDER BY seq ${limited}`;
