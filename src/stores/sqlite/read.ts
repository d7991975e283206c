import { checkAfter, checkSameLog } from "../../core/checks.ts";
import type { Entry } from "../../core/entry.ts";
import type { LogKey } from "../../core/ids.ts";
import type { ReadParams, ReadResult } from "../../core/store.ts";
import { type Chunk, entriesOf } from "./chunk.ts";
import type { Connection } from "./connection.ts";

/** Reads committed entries of one log, from either end. */
export function read(connection: Connection, params: ReadParams): ReadResult {
  const { log, after, limit = Infinity, order = "asc", id } = params;
  const row = findLog(connection, log);
  checkSameLog(id, row && String(row.id));
  if (after !== undefined && order === "asc") checkAfter(after, row?.committed ?? 0, "the log");
  if (row === undefined) return { entries: [], head: 0, committed: 0 };
  const entries =
    order === "asc"
      ? readRange(connection, row.id, (after ?? 0) + 1, Math.min((after ?? 0) + limit, row.committed))
      : readEnd(connection, row.id, Math.min((after ?? Infinity) - 1, row.committed), limit);
  return { id: String(row.id), entries, head: row.head, committed: row.committed };
}

/** The log's row id and heads, or undefined where nothing was written. */
export function findLog(connection: Connection, { project, session, log }: LogKey): FoundLog | undefined {
  return connection.get<FoundLog>(logSql, project, session, log);
}

export interface FoundLog {
  readonly id: number;
  readonly head: number;
  readonly committed: number;
}

function readEnd(connection: Connection, logId: number, to: number, limit: number): Entry[] {
  return readRange(connection, logId, Math.max(1, to - limit + 1), to).reverse();
}

// A log is dense, so the two ends are known before anything is read.
function readRange(connection: Connection, logId: number, from: number, to: number): Entry[] {
  if (from > to) return [];
  return connection
    .all<Chunk>(rangeSql, logId, logId, from, to)
    .flatMap((chunk) => entriesOf(chunk, from, to));
}

const logSql = `
  SELECT l.id, l.head, l.committed FROM session s JOIN log l ON l.session_id = s.id
  WHERE s.project = ? AND s.session = ? AND l.name = ?`;
const rangeSql = `
  SELECT first_seq AS first, last_seq AS last, times, uuids, bodies FROM chunk
  WHERE log_id = ? AND first_seq >= (SELECT max(first_seq) FROM chunk WHERE log_id = ? AND first_seq <= ?)
    AND first_seq <= ?
  ORDER BY first_seq`;
