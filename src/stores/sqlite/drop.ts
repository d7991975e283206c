import type { DropParams, DropResult } from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { recordChange } from "./record-change.ts";
import { findSession, type StoredSession } from "./session.ts";

/** Removes a session with all it has, or one log of it. */
export function drop(connection: Connection, params: DropParams, now: number): DropResult {
  const found = findSession(connection, params.session);
  if (params.log !== undefined)
    return found === undefined ? nothing : dropLog(connection, found, params.log, now);
  const blobs = dropBlobs(connection, params);
  if (found === undefined) return { ...nothing, dropped: blobs > 0, blobs };
  const { id, row } = found;
  const { entries } = connection.get<{ entries: number }>(entriesSql, id)!;
  connection.run("DELETE FROM chunk WHERE log_id IN (SELECT id FROM log WHERE session_id = ?)", id);
  const logs = connection.run("DELETE FROM log WHERE session_id = ?", id);
  connection.run("DELETE FROM session WHERE id = ?", id);
  const { actor, reason, sealed = true } = params;
  connection.run(tombstoneSql, row.project, row.session, now, actor, reason ?? null, sealed ? 1 : 0);
  recordChange(connection, { key: row, atMs: now, kind: "dropped" });
  return { dropped: true, logs, entries, blobs };
}

const nothing: DropResult = { dropped: false, logs: 0, entries: 0, blobs: 0 };

function dropLog(connection: Connection, { id, row }: StoredSession, log: string, now: number): DropResult {
  const found = connection.get<{ id: number; head: number; length: number }>(logSql, id, log);
  if (found === undefined) return nothing;
  const entries = found.head;
  connection.run("DELETE FROM chunk WHERE log_id = ?", found.id);
  connection.run("DELETE FROM log WHERE id = ?", found.id);
  if (!log.startsWith("@")) connection.run(countsSql, entries, found.length, id);
  if (log === "")
    connection.run("UPDATE session SET main_head = 0, summary = NULL, summary_head = 0 WHERE id = ?", id);
  recordChange(connection, { key: row, atMs: now, kind: "log_dropped", log });
  return { dropped: true, logs: 1, entries, blobs: 0 };
}

function dropBlobs(connection: Connection, { session: { project, session } }: DropParams): number {
  const refs = connection.all<{ blob_id: string }>(refsSql, project, session);
  let freed = 0;
  for (const { blob_id: blob } of refs) freed += connection.run(freeSql, blob, blob);
  return freed;
}

const tombstoneSql = `
  INSERT OR REPLACE INTO tombstone (project, session, dropped_at_ms, actor, reason, sealed) VALUES (?, ?, ?, ?, ?, ?)`;
const entriesSql = "SELECT coalesce(sum(head), 0) AS entries FROM log WHERE session_id = ?";
const logSql = "SELECT id, head, length FROM log WHERE session_id = ? AND name = ?";
const countsSql = "UPDATE session SET entries = entries - ?, length = length - ? WHERE id = ?";
const refsSql = "DELETE FROM blob_ref WHERE project = ? AND session = ? RETURNING blob_id";
const freeSql = "DELETE FROM blob WHERE id = ? AND NOT EXISTS (SELECT 1 FROM blob_ref WHERE blob_id = ?)";
