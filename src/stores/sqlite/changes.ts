import { checkAfter, checkLimit, feedHole } from "../../core/checks.ts";
import type { Change, ChangesParams, ChangesResult } from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { limited } from "./where.ts";

/** A page of the change feed. */
export function changes(connection: Connection, { after, limit = 100 }: ChangesParams): ChangesResult {
  checkLimit(limit, 1000);
  const position = positionOf(connection);
  checkAfter(after, position, "the change feed");
  const rows = connection.all<ChangeRow>(changesSql, after, limit);
  const hole = rows.findIndex(({ seq }, index) => seq !== after + index + 1);
  if (hole !== -1) throw feedHole(after + hole + 1);
  // Another process may have written since: the page tells the position of its own moment.
  return { changes: rows.map(toChange), position: rows[0]?.position ?? position };
}

/** The feed's last seq. */
export function positionOf(connection: Connection): number {
  return connection.get<{ position: number }>("SELECT coalesce(max(seq), 0) AS position FROM change")!
    .position;
}

interface ChangeRow {
  readonly position: number;
  readonly seq: number;
  readonly atMs: number;
  readonly kind: Change["kind"];
  readonly project: string;
  readonly session: string;
  readonly log: string | null;
  readonly first: number | null;
  readonly last: number | null;
  readonly of: string | null;
}

function toChange({ position: _, log, first, last, of, ...row }: ChangeRow): Change {
  return {
    ...row,
    ...(log === null ? {} : { log }),
    ...(first === null || last === null ? {} : { from: first, to: last }),
    ...(of === null ? {} : { of }),
  };
}

const changesSql = `
  SELECT seq, at_ms AS atMs, kind, project, session, log, first_seq AS first, last_seq AS last, subject AS of,
    (SELECT max(seq) FROM change) AS position
  FROM change WHERE seq > ? ORDER BY seq ${limited}`;
