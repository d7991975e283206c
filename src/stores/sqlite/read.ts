import { checkAfter, checkSameLog } from "../../core/checks.ts";
import type { Entry } from "../../core/entry.ts";
import { HoldfastError } from "../../core/errors.ts";
import { checkOpenRun } from "../../core/fence.ts";
import type { LogKey } from "../../core/ids.ts";
import type { ReadParams, ReadResult } from "../../core/store.ts";
import { type Chunk, entriesOf } from "../../core/chunk.ts";
import type { Connection } from "./connection.ts";
import { findRun } from "./run.ts";

/** Reads committed entries of one log, from either end. */
export function read(connection: Connection, params: ReadParams): ReadResult {
  const { log, after, limit = Infinity, order = "asc", id } = params;
  const row = rowOf(connection, params);
  checkSameLog(id, row && String(row.id));
  if (after !== undefined && order === "asc") checkAfter(after, row?.head ?? 0, "the log");
  if (row === undefined) return { entries: [], head: 0, committed: 0 };
  const [from, to] =
    order === "asc"
      ? [(after ?? 0) + 1, Math.min((after ?? 0) + limit, row.head)]
      : lastOf(Math.min((after ?? Infinity) - 1, row.head), limit);
  const entries = readRange(connection, row.id, from, to);
  if (entries.length < to - from + 1) {
    // Another process has taken them away since the row was read; else they are lost.
    if (rowOf(connection, params)?.id === row.id) throw notWhole(log);
    return read(connection, params);
  }
  if (order === "desc") entries.reverse();
  return { id: String(row.id), entries, head: row.head, committed: row.committed };
}

/** The log as readers see it, or undefined where nothing is committed. */
export function findLog(connection: Connection, { project, session, log }: LogKey): FoundLog | undefined {
  const row = connection.get<FoundLog>(logSql, project, session, log);
  return row === undefined || row.committed === 0 ? undefined : { ...row, head: row.committed };
}

function findStagedLog(connection: Connection, key: LogKey, run: string): FoundLog | undefined {
  checkOpenRun(key, run, findRun(connection, run)?.run);
  return connection.get<FoundLog>(logSql, key.project, key.session, key.log);
}

export interface FoundLog {
  readonly id: number;
  readonly head: number;
  readonly committed: number;
}

function rowOf(connection: Connection, { log, run }: ReadParams): FoundLog | undefined {
  return run === undefined ? findLog(connection, log) : findStagedLog(connection, log, run);
}

function lastOf(to: number, limit: number): readonly [number, number] {
  return [Math.max(1, to - limit + 1), to];
}

function notWhole({ project, session, log }: LogKey): HoldfastError {
  return new HoldfastError({
    code: "store_corrupt",
    message: `Log "${log}" of session ${session} is not whole.`,
    next: "Restore a backup; `holdfast doctor` names what is damaged.",
    data: { project, session, log },
  });
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
