import { checkAfter, checkLimit } from "../../core/checks.ts";
import type { Change, ChangesParams, ChangesResult } from "../../core/store.ts";
import type { Connection } from "./connection.ts";

/** A page of the change feed. */
export function changes(connection: Connection, { after, limit = 100 }: ChangesParams): ChangesResult {
  checkLimit(limit, 1000);
  const position = positionOf(connection);
  checkAfter(after, position, "the change feed");
  return { changes: connection.all<ChangeRow>(changesSql, after, limit).map(toChange), position };
}

/** The feed's last seq. */
export function positionOf(connection: Connection): number {
  return connection.get<{ position: number }>("SELECT coalesce(max(seq), 0) AS position FROM change")!
    .position;
}

interface ChangeRow {
  readonly seq: number;
  readonly atMs: number;
  readonly kind: Change["kind"];
  readonly project: string;
  readonly session: string;
  readonly log: string | null;
  readonly first: number | null;
  readonly last: number | null;
}

function toChange({ log, first, last, ...row }: ChangeRow): Change {
  return {
    ...row,
    ...(log === null ? {} : { log }),
    ...(first === null || last === null ? {} : { from: first, to: last }),
  };
}

const changesSql = `
  SELECT seq, at_ms AS atMs, kind, project, session, log, first_seq AS first, last_seq AS last
  FROM change WHERE seq > ? ORDER BY seq LIMIT ?`;
