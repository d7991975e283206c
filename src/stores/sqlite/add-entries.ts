import { nextTime } from "../../core/clock.ts";
import { type EntryInput, lengthOf } from "../../core/entry.ts";
import type { LogKey } from "../../core/ids.ts";
import { chunksOf, type TimedEntry } from "../../core/chunk.ts";
import type { Connection } from "./connection.ts";
import type { KnownLogs, LogIds } from "./known-logs.ts";
import { sessionIdOf } from "./session-id.ts";

/** Adds what a log does not hold yet behind its head; the log and a hidden session are made where there are none. */
export function addEntries(writer: Writer, params: AddEntriesParams): Added {
  const { connection, known } = writer;
  const { log: key, entries, staged, found = findLog(connection, known, key) } = params;
  const ids = found?.ids ?? createLog(writer, params);
  const head = found?.head ?? 0;
  const fresh = insertEntries(writer, { ids, entries, head, cuts: found?.cuts ?? 0, atMs: found?.atMs ?? 0 });
  const to = head + fresh.length;
  const atMs = fresh.at(-1)?.atMs ?? 0;
  const length = lengthOf(fresh);
  if (fresh.length > 0)
    connection.run(staged ? stageSql : logSql, ...(staged ? [to] : [to, to]), length, atMs, ids.logId);
  return { sessionId: ids.sessionId, head, to, fresh, atMs, isFirst: (found?.committed ?? 0) === 0 };
}

/** What writes: under the write lock, at one time. */
export interface Writer {
  readonly connection: Connection;
  readonly known: KnownLogs;
  readonly now: number;
}

interface AddEntriesParams {
  readonly log: LogKey;
  readonly entries: readonly EntryInput[];
  /** Of a session that is made. */
  readonly provider: string;
  readonly staged: boolean;
  readonly found?: FoundLog | undefined;
}

/** What was added; `isFirst` where nothing of the log was committed before. */
export interface Added {
  readonly sessionId: number;
  readonly head: number;
  readonly to: number;
  readonly fresh: readonly TimedEntry[];
  readonly atMs: number;
  readonly isFirst: boolean;
}

interface LogState {
  readonly head: number;
  readonly committed: number;
  readonly cuts: number;
  readonly atMs: number;
}

export interface FoundLog extends LogState {
  readonly ids: LogIds;
}

/** The log's row as it is under the write lock: by its id where this process has met it, else by its names. */
export function findLog(connection: Connection, known: KnownLogs, key: LogKey): FoundLog | undefined {
  const ids = known.idsOf(key);
  const row = ids && connection.get<LogState>(logByIdSql, ids.logId);
  if (row !== undefined) return { ...row, ids: ids! };
  const named = connection.get<LogIds & LogState>(logByNameSql, key.log, key.project, key.session);
  if (named === undefined) return undefined;
  const { sessionId, logId, ...state } = named;
  known.learn(key, { sessionId, logId });
  return { ...state, ids: { sessionId, logId } };
}

function createLog(
  { connection, known, now }: Writer,
  { log: key, entries, provider }: AddEntriesParams,
): LogIds {
  const atMs = nextTime({ previous: 0, wanted: entries[0]?.atMs, now });
  const sessionId = sessionIdOf(connection, key, { provider, atMs });
  const log = connection.get<{ id: number }>(createLogSql, sessionId, key.log, atMs, atMs)!;
  const ids = { sessionId, logId: log.id };
  known.learn(key, ids);
  return ids;
}

interface InsertParams {
  readonly ids: LogIds;
  readonly entries: readonly EntryInput[];
  readonly head: number;
  readonly cuts: number;
  readonly atMs: number;
}

/** A batch may repeat itself too. */
function insertEntries({ connection, known, now }: Writer, params: InsertParams): TimedEntry[] {
  const { ids, entries, head, cuts } = params;
  const keyed = entries.some(({ uuid }) => uuid !== undefined);
  const uuids = keyed ? known.upTo(connection, { logId: ids.logId, head, cuts }) : noUuids;
  const size = uuids.size;
  const fresh: TimedEntry[] = [];
  let { atMs } = params;
  for (const { uuid, body, atMs: wanted } of entries) {
    const before = uuids.size;
    if (uuid !== undefined && uuids.add(uuid).size === before) continue;
    atMs = nextTime({ previous: atMs, wanted, now });
    fresh.push({ uuid, body, atMs });
  }
  for (const chunk of chunksOf(head, fresh))
    connection.run(chunkSql, ids.logId, chunk.first, chunk.last, chunk.times, chunk.uuids, chunk.bodies);
  if (keyed) known.advance(ids.logId, head + fresh.length, uuids.size - size);
  return fresh;
}

const noUuids = new Set<string>();

const logByIdSql = "SELECT head, committed, cuts, updated_at_ms AS atMs FROM log WHERE id = ?";
const logByNameSql = `
  SELECT s.id AS sessionId, l.id AS logId, l.head, l.committed, l.cuts, l.updated_at_ms AS atMs
  FROM session s JOIN log l ON l.session_id = s.id AND l.name = ?
  WHERE s.project = ? AND s.session = ?`;
const createLogSql = `
  INSERT INTO log (session_id, name, created_at_ms, updated_at_ms) VALUES (?, ?, ?, ?) RETURNING id`;
const chunkSql = `
  INSERT INTO chunk (log_id, first_seq, last_seq, times, uuids, bodies) VALUES (?, ?, ?, ?, ?, ?)`;
const logSql = "UPDATE log SET head = ?, committed = ?, length = length + ?, updated_at_ms = ? WHERE id = ?";
const stageSql = "UPDATE log SET head = ?, staged_length = staged_length + ?, updated_at_ms = ? WHERE id = ?";
