import { checkAfter } from "../../core/checks.ts";
import type { Entry } from "../../core/entry.ts";
import type { LogKey } from "../../core/ids.ts";
import type { ReadParams, ReadResult } from "../../core/store.ts";
import type { Connection } from "./connection.ts";

/** Reads committed entries of one log, from either end. */
export function read(connection: Connection, { log, after, limit, order = "asc" }: ReadParams): ReadResult {
  const row = findLog(connection, log);
  if (after !== undefined && order === "asc") checkAfter(after, row?.committed ?? 0, "the log");
  if (row === undefined) return { entries: [], head: 0, committed: 0 };
  const bounds =
    order === "asc" ? [after ?? 0, row.committed] : [0, Math.min((after ?? Infinity) - 1, row.committed)];
  const sql = order === "asc" ? ascendingSql : descendingSql;
  const rows = connection.all<EntryRow>(sql, row.id, bounds[0]!, bounds[1]!, limit ?? -1);
  return { entries: rows.map(toEntry), head: row.head, committed: row.committed };
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

interface EntryRow {
  readonly seq: number;
  readonly at_ms: number;
  readonly uuid: string | null;
  readonly body: string;
}

function toEntry({ seq, at_ms: atMs, uuid, body }: EntryRow): Entry {
  return uuid === null ? { seq, atMs, body } : { seq, atMs, uuid, body };
}

const logSql = `
  SELECT l.id, l.head, l.committed FROM session s JOIN log l ON l.session_id = s.id
  WHERE s.project = ? AND s.session = ? AND l.name = ?`;
const rangeSql = "SELECT seq, at_ms, uuid, body FROM entry WHERE log_id = ? AND seq > ? AND seq <= ?";
const ascendingSql = `${rangeSql} ORDER BY seq LIMIT ?`;
const descendingSql = `${rangeSql} ORDER BY seq DESC LIMIT ?`;
