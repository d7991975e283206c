import { checkHead, checkTombstone } from "../../core/checks.ts";
import { nextTime } from "../../core/clock.ts";
import { type EntryInput, lengthOf } from "../../core/entry.ts";
import { isOwnLog, type LogKey } from "../../core/ids.ts";
import type { AppendParams, AppendResult } from "../../core/store.ts";
import { chunksOf, type TimedEntry } from "./chunk.ts";
import type { Connection } from "./connection.ts";
import { foldInto } from "./fold.ts";
import type { KnownLogs, LogIds } from "./known-logs.ts";
import { recordChange } from "./record-change.ts";
import { findTombstone } from "./tombstone.ts";

/** Appends a batch inside the caller's transaction. */
export function append(
  connection: Connection,
  known: KnownLogs,
  params: AppendParams,
  now: number,
): AppendResult {
  const { log: key, entries, expectHead } = params;
  const found = findLog(connection, known, key);
  if (found === undefined) checkTombstone(findTombstone(connection, key), key, params.reopen);
  const head = found?.head ?? 0;
  checkHead(expectHead, head, key);
  if (entries.length === 0) return nothingNew(head, 0);

  const { sessionId, logId } = found?.ids ?? createLog(connection, params, now);
  if (found === undefined) known.learn(key, { sessionId, logId });
  const previousAtMs = found?.atMs ?? 0;
  const fresh = insertEntries({ connection, known, logId, head, previousAtMs, now }, entries);
  if (fresh.entries.length === 0) return nothingNew(head, entries.length);
  const to = head + fresh.entries.length;
  const length = lengthOf(fresh.entries);
  connection.run(logSql, to, to, length, fresh.atMs, logId);
  const mainHead = key.log === "" ? to : null;
  if (!isOwnLog(key.log))
    connection.run(sessionSql, fresh.entries.length, length, fresh.atMs, mainHead, sessionId);
  if (mainHead !== null && params.fold !== undefined) {
    foldInto(connection, { sessionId, head, to, appended: fresh.entries, fold: params.fold });
  }
  recordChange(connection, { key, atMs: now, kind: "appended", log: key.log, from: head + 1, to });
  return {
    from: head + 1,
    to,
    appended: fresh.entries.length,
    duplicates: entries.length - fresh.entries.length,
    committed: to,
  };
}

function nothingNew(head: number, duplicates: number): AppendResult {
  return { from: head + 1, to: head, appended: 0, duplicates, committed: head };
}

interface FoundLog {
  readonly ids: LogIds;
  readonly head: number;
  readonly atMs: number;
}

/** The log's row as it is under the write lock: by its id where this process has met it, else by its names. */
function findLog(connection: Connection, known: KnownLogs, key: LogKey): FoundLog | undefined {
  const ids = known.idsOf(key);
  const row = ids && connection.get<{ head: number; atMs: number }>(logByIdSql, ids.logId);
  if (row !== undefined) return { ids: ids!, head: row.head, atMs: row.atMs };
  const named = connection.get<LogIds & { head: number; atMs: number }>(
    logByNameSql,
    key.log,
    key.project,
    key.session,
  );
  if (named === undefined) return undefined;
  const { head, atMs, ...found } = named;
  known.learn(key, found);
  return { ids: found, head, atMs };
}

/** Makes the log, and its session where that is new too. */
function createLog(connection: Connection, params: AppendParams, now: number): LogIds {
  const { log: key, entries, provider = "unknown" } = params;
  const atMs = nextTime({ previous: 0, wanted: entries[0]?.atMs, now });
  let session = connection.get<{ id: number }>(sessionIdSql, key.project, key.session);
  if (session === undefined) {
    session = connection.get<{ id: number }>(
      createSessionSql,
      key.project,
      key.session,
      provider,
      atMs,
      atMs,
    );
    connection.run("DELETE FROM tombstone WHERE project = ? AND session = ?", key.project, key.session);
  }
  const log = connection.get<{ id: number }>(createLogSql, session!.id, key.log, atMs, atMs);
  return { sessionId: session!.id, logId: log!.id };
}

interface InsertParams {
  readonly connection: Connection;
  readonly known: KnownLogs;
  readonly logId: number;
  readonly head: number;
  readonly previousAtMs: number;
  readonly now: number;
}

/** Inserts what the log does not hold yet; a batch may repeat itself too. */
function insertEntries(params: InsertParams, entries: readonly EntryInput[]) {
  const { connection, logId, head, previousAtMs, now } = params;
  const keyed = entries.some(({ uuid }) => uuid !== undefined);
  const uuids = keyed ? params.known.upTo(connection, logId, head) : noUuids;
  const size = uuids.size;
  const fresh: TimedEntry[] = [];
  let atMs = previousAtMs;
  for (const { uuid, body, atMs: wanted } of entries) {
    const before = uuids.size;
    if (uuid !== undefined && uuids.add(uuid).size === before) continue;
    atMs = nextTime({ previous: atMs, wanted, now });
    fresh.push({ uuid, body, atMs });
  }
  if (fresh.length === 0) return { entries: fresh, atMs };
  for (const chunk of chunksOf(head, fresh))
    connection.run(chunkSql, logId, chunk.first, chunk.last, chunk.times, chunk.uuids, chunk.bodies);
  if (keyed) params.known.advance(logId, head + fresh.length, uuids.size - size);
  return { entries: fresh, atMs };
}

const noUuids = new Set<string>();

const logByIdSql = "SELECT head, updated_at_ms AS atMs FROM log WHERE id = ?";
const logByNameSql = `
  SELECT s.id AS sessionId, l.id AS logId, l.head, l.updated_at_ms AS atMs
  FROM session s JOIN log l ON l.session_id = s.id AND l.name = ?
  WHERE s.project = ? AND s.session = ?`;
const sessionIdSql = "SELECT id FROM session WHERE project = ? AND session = ?";
const createSessionSql = `
  INSERT INTO session (project, session, provider, created_at_ms, updated_at_ms) VALUES (?, ?, ?, ?, ?) RETURNING id`;
const createLogSql = `
  INSERT INTO log (session_id, name, created_at_ms, updated_at_ms) VALUES (?, ?, ?, ?) RETURNING id`;
const chunkSql = `
  INSERT INTO chunk (log_id, first_seq, last_seq, times, uuids, bodies) VALUES (?, ?, ?, ?, ?, ?)`;
const logSql = `UPDATE log SET head = ?, committed = ?, length = length + ?, updated_at_ms = ? WHERE id = ?`;
const sessionSql = `
  UPDATE session SET entries = entries + ?, length = length + ?, updated_at_ms = max(updated_at_ms, ?),
    main_head = coalesce(?, main_head) WHERE id = ?`;
