import { nextTime } from "../../core/clock.ts";
import { type EntryInput, lengthOf } from "../../core/entry.ts";
import type { LogKey } from "../../core/ids.ts";
import { chunksOf, type TimedEntry } from "../../core/chunk.ts";
import type { Connection } from "./connection.ts";
import type { FoundLog, KnownLogs } from "./known-logs.ts";
import { sessionIdOf } from "./session-id.ts";

/** Adds what a log does not hold yet behind its head; the log and a hidden session are made where there are none. */
export function addEntries(writer: Writer, params: AddEntriesParams): Added {
  const { found = findLog(writer.connection, writer.known, params.log) } = params;
  return addTo(writer, found ?? createLog(writer, params), params)!;
}

/** Adds to a log that was found; does nothing, and says so, where the log is not as it was found any more. */
export function addTo(
  { connection, known, now }: Writer,
  found: FoundLog,
  { log: key, entries, staged }: AddEntriesParams,
): Added | undefined {
  const { sessionId, logId, head, committed, cuts } = found;
  const keyed = entries.some(({ uuid }) => uuid !== undefined);
  const uuids = keyed ? known.upTo(connection, found) : noUuids;
  const size = uuids.size;
  const fresh = freshOf(entries, uuids, found.atMs, now);
  const to = head + fresh.length;
  const atMs = fresh.at(-1)?.atMs ?? found.atMs;
  const length = lengthOf(fresh);
  const added = { sessionId, head, to, fresh, atMs, length, isFirst: committed === 0 };
  if (fresh.length === 0) return added;
  const next = { sessionId, logId, head: to, committed: staged ? committed : to, cuts, atMs };
  const sql = staged ? stageSql : logSql;
  if (connection.run(sql, to, next.committed, length, atMs, logId, head, cuts) === 0) {
    for (const { uuid } of fresh) if (uuid !== undefined) uuids.delete(uuid);
    return undefined;
  }
  for (const chunk of chunksOf(head, fresh))
    connection.perform(chunkSql, logId, chunk.first, chunk.last, chunk.times, chunk.uuids, chunk.bodies);
  if (keyed) known.advance(logId, to, uuids.size - size);
  known.learn(key, next);
  return added;
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
  readonly length: number;
  readonly isFirst: boolean;
}

/** The log's row as it is under the write lock: by its id where this process has met it, else by its names. */
export function findLog(connection: Connection, known: KnownLogs, key: LogKey): FoundLog | undefined {
  const met = known.find(key);
  const row =
    (met && connection.tuple<LogColumns>(logByIdSql, met.logId)) ??
    connection.tuple<LogColumns>(logByNameSql, key.log, key.project, key.session);
  if (row === undefined) return undefined;
  const [sessionId, logId, head, committed, cuts, atMs] = row;
  const found = { sessionId, logId, head, committed, cuts, atMs };
  known.learn(key, found);
  return found;
}

type LogColumns = readonly [
  sessionId: number,
  logId: number,
  head: number,
  committed: number,
  cuts: number,
  atMs: number,
];

function createLog({ connection, now }: Writer, { log: key, entries, provider }: AddEntriesParams): FoundLog {
  const atMs = nextTime({ previous: 0, wanted: entries[0]?.atMs, now });
  const sessionId = sessionIdOf(connection, key, { provider, atMs });
  const log = connection.get<{ id: number }>(createLogSql, sessionId, key.log, atMs, atMs)!;
  return { sessionId, logId: log.id, head: 0, committed: 0, cuts: 0, atMs: 0 };
}

/** Those whose uuid is not in the set, which then holds it; a batch may repeat itself too. */
function freshOf(
  entries: readonly EntryInput[],
  uuids: Set<string>,
  previousMs: number,
  now: number,
): TimedEntry[] {
  const fresh: TimedEntry[] = [];
  let atMs = previousMs;
  for (const { uuid, body, atMs: wanted } of entries) {
    const before = uuids.size;
    if (uuid !== undefined && uuids.add(uuid).size === before) continue;
    atMs = nextTime({ previous: atMs, wanted, now });
    fresh.push({ uuid, body, atMs });
  }
  return fresh;
}

const noUuids = new Set<string>();

const logByIdSql = "SELECT session_id, id, head, committed, cuts, updated_at_ms FROM log WHERE id = ?";
const logByNameSql = `
  SELECT s.id, l.id, l.head, l.committed, l.cuts, l.updated_at_ms
  FROM session s JOIN log l ON l.session_id = s.id AND l.name = ?
  WHERE s.project = ? AND s.session = ?`;
const createLogSql = `
  INSERT INTO log (session_id, name, created_at_ms, updated_at_ms) VALUES (?, ?, ?, ?) RETURNING id`;
const chunkSql = `
  INSERT INTO chunk (log_id, first_seq, last_seq, times, uuids, bodies) VALUES (?, ?, ?, ?, ?, ?)`;
const logSql = `
  UPDATE log SET head = ?, committed = ?, length = length + ?, updated_at_ms = ?
  WHERE id = ? AND head = ? AND cuts = ?`;
const stageSql = `
  UPDATE log SET head = ?, committed = ?, staged_length = staged_length + ?, updated_at_ms = ?
  WHERE id = ? AND head = ? AND cuts = ?`;
