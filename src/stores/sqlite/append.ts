import { checkHead, checkTombstone } from "../../core/checks.ts";
import { nextTime } from "../../core/clock.ts";
import { type EntryInput, lengthOf } from "../../core/entry.ts";
import { isOwnLog } from "../../core/ids.ts";
import type { AppendParams, AppendResult } from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { foldInto } from "./fold.ts";
import type { KnownUuids } from "./known-uuids.ts";
import { recordChange } from "./record-change.ts";
import { findTombstone } from "./tombstone.ts";

/** Appends a batch inside the caller's transaction. */
export function append(
  connection: Connection,
  known: KnownUuids,
  params: AppendParams,
  now: number,
): AppendResult {
  const { log: key, entries, expectHead } = params;
  const found = connection.get<TargetRow>(targetSql, key.log, key.project, key.session);
  if (found === undefined) checkTombstone(findTombstone(connection, key), key, params.reopen);
  const head = found?.head ?? 0;
  checkHead(expectHead, head, key);
  if (entries.length === 0) return nothingNew(head, 0);

  const target = targetOf(connection, found, params, now);
  const fresh = insertEntries({ connection, known, target, now }, entries);
  if (fresh.entries.length === 0) return nothingNew(head, entries.length);
  const to = head + fresh.entries.length;
  const length = lengthOf(fresh.entries);
  connection.run(logSql, to, to, length, fresh.atMs, target.log_id);
  const sessionId = target.session_id;
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

interface TargetRow {
  readonly session_id: number;
  readonly log_id: number | null;
  readonly head: number | null;
  readonly log_at_ms: number | null;
}

type Target = {
  readonly session_id: number;
  readonly log_id: number;
  readonly head: number;
  readonly log_at_ms: number;
};

function targetOf(
  connection: Connection,
  found: TargetRow | undefined,
  { log: key, entries, provider }: AppendParams,
  now: number,
): Target {
  const atMs = nextTime({ previous: 0, wanted: entries[0]?.atMs, now });
  const sessionId =
    found?.session_id ??
    createSession(connection, [key.project, key.session, provider ?? "unknown", atMs, atMs]);
  if (found === undefined)
    connection.run("DELETE FROM tombstone WHERE project = ? AND session = ?", key.project, key.session);
  if (found != null && found.log_id !== null) return found as Target;
  const row = connection.get<{ id: number }>(createLogSql, sessionId, key.log, atMs, atMs);
  return { session_id: sessionId, log_id: row!.id, head: 0, log_at_ms: 0 };
}

function createSession(connection: Connection, values: [string, string, string, number, number]): number {
  return connection.get<{ id: number }>(createSessionSql, ...values)!.id;
}

interface InsertParams {
  readonly connection: Connection;
  readonly known: KnownUuids;
  readonly target: Target;
  readonly now: number;
}

/** Inserts what the log does not hold yet; a batch may repeat itself too. */
function insertEntries({ connection, known, target, now }: InsertParams, entries: readonly EntryInput[]) {
  const { log_id: logId, head } = target;
  const keyed = entries.some(({ uuid }) => uuid !== undefined);
  const uuids = keyed ? known.upTo(connection, logId, head) : noUuids;
  const size = uuids.size;
  const fresh: EntryInput[] = [];
  let atMs = target.log_at_ms;
  for (const entry of entries) {
    if (entry.uuid !== undefined && uuids.has(entry.uuid)) continue;
    if (entry.uuid !== undefined) uuids.add(entry.uuid);
    atMs = nextTime({ previous: atMs, wanted: entry.atMs, now });
    fresh.push(entry);
    connection.run(entrySql, logId, head + fresh.length, atMs, entry.uuid ?? null, entry.body);
  }
  if (keyed) known.advance(logId, head + fresh.length, uuids.size - size);
  return { entries: fresh, atMs };
}

const noUuids = new Set<string>();

const targetSql = `
  SELECT s.id AS session_id, l.id AS log_id, l.head, l.updated_at_ms AS log_at_ms
  FROM session s LEFT JOIN log l ON l.session_id = s.id AND l.name = ?
  WHERE s.project = ? AND s.session = ?`;
const createSessionSql = `
  INSERT INTO session (project, session, provider, created_at_ms, updated_at_ms) VALUES (?, ?, ?, ?, ?) RETURNING id`;
const createLogSql = `
  INSERT INTO log (session_id, name, created_at_ms, updated_at_ms) VALUES (?, ?, ?, ?) RETURNING id`;
const entrySql = `
  INSERT INTO entry (log_id, seq, at_ms, uuid, body) VALUES (?, ?, ?, ?, ?)`;
const logSql = `UPDATE log SET head = ?, committed = ?, length = length + ?, updated_at_ms = ? WHERE id = ?`;
const sessionSql = `
  UPDATE session SET entries = entries + ?, length = length + ?, updated_at_ms = max(updated_at_ms, ?),
    main_head = coalesce(?, main_head) WHERE id = ?`;
