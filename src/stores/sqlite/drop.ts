import { stagedBy } from "../../core/fence.ts";
import { isOwnLog, type SessionKey } from "../../core/ids.ts";
import type { DropParams, DropResult, Tombstone } from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { dropWork } from "./drop-work.ts";
import { findLane } from "./lane.ts";
import { recordAudit } from "./record-audit.ts";
import { recordChange } from "./record-change.ts";
import { allRuns } from "./run.ts";
import { findTombstone } from "./tombstone.ts";

/** Removes a session with all it has, or one log of it. */
export function drop(connection: Connection, params: DropParams, now: number): DropResult {
  const { session: key, log, actor, reason, sealed = true } = params;
  const id = connection.get<{ id: number }>(sessionSql, key.project, key.session)?.id;
  if (log !== undefined) return id === undefined ? nothing : dropLog(connection, id, { key, log, now });
  const { held, ...result } = dropAll(connection, key, id);
  recordAudit(connection, { key, atMs: now, actor, verb: "dropped", reason });
  if (held) bury(connection, { ...key, droppedAtMs: now, actor, reason: reason ?? null, sealed }, now);
  return result;
}

/** Drops what began before it was dropped in another store, and says whether this store knew it. */
export function dropAsThere(connection: Connection, tombstone: Tombstone, now: number): boolean {
  const { project, session, droppedAtMs } = tombstone;
  const known = findTombstone(connection, tombstone);
  if (known !== undefined && known.droppedAtMs >= droppedAtMs) return false;
  const row = connection.get<{ id: number; createdAtMs: number }>(sessionSql, project, session);
  if (row !== undefined && row.createdAtMs > droppedAtMs) return false;
  dropAll(connection, { project, session }, row?.id);
  bury(connection, tombstone, now);
  return true;
}

interface Dropped extends DropResult {
  /** There was something that a tombstone is left for. */
  readonly held: boolean;
}

function dropAll(connection: Connection, key: SessionKey, id: number | undefined): Dropped {
  const blobs = dropBlobs(connection, key);
  const held = dropWork(connection, key) || id !== undefined;
  const gone = id === undefined ? {} : dropSession(connection, id);
  return { ...nothing, ...gone, dropped: held || blobs > 0, blobs, held };
}

function bury(connection: Connection, tombstone: Tombstone, now: number): void {
  const { project, session, droppedAtMs, actor, reason, sealed } = tombstone;
  connection.run(tombstoneSql, project, session, droppedAtMs, actor, reason, sealed ? 1 : 0);
  recordChange(connection, { key: { project, session }, atMs: now, kind: "dropped" });
}

const nothing: DropResult = { dropped: false, logs: 0, entries: 0, blobs: 0 };

function dropSession(connection: Connection, id: number): Pick<DropResult, "logs" | "entries"> {
  const { entries } = connection.get<{ entries: number }>(entriesSql, id)!;
  connection.run("DELETE FROM chunk WHERE log_id IN (SELECT id FROM log WHERE session_id = ?)", id);
  const logs = connection.run("DELETE FROM log WHERE session_id = ?", id);
  connection.run("DELETE FROM session WHERE id = ?", id);
  return { logs, entries };
}

interface DropLogParams {
  readonly key: SessionKey;
  readonly log: string;
  readonly now: number;
}

function dropLog(connection: Connection, id: number, { key, log, now }: DropLogParams): DropResult {
  const found = connection.get<LogRow>(logSql, id, log);
  if (found === undefined) return nothing;
  if (found.head > found.committed) {
    const lane = findLane(connection, key)!;
    throw stagedBy(allRuns(connection, "WHERE id = ?", lane.openRun)[0]!.run, lane);
  }
  const entries = found.head;
  connection.run("DELETE FROM chunk WHERE log_id = ?", found.id);
  connection.run("DELETE FROM log WHERE id = ?", found.id);
  if (!isOwnLog(log)) connection.run(countsSql, entries, found.length, id);
  if (log === "")
    connection.run("UPDATE session SET main_head = 0, summary = NULL, summary_head = 0 WHERE id = ?", id);
  recordChange(connection, { key, atMs: now, kind: "log_dropped", log });
  return { dropped: true, logs: 1, entries, blobs: 0 };
}

interface LogRow {
  readonly id: number;
  readonly head: number;
  readonly committed: number;
  readonly length: number;
}

function dropBlobs(connection: Connection, { project, session }: SessionKey): number {
  const refs = connection.all<{ blob_id: string }>(refsSql, project, session);
  let freed = 0;
  for (const { blob_id: blob } of refs) freed += connection.run(freeSql, blob, blob);
  return freed;
}

const sessionSql = "SELECT id, created_at_ms AS createdAtMs FROM session WHERE project = ? AND session = ?";
const tombstoneSql = `
  INSERT OR REPLACE INTO tombstone (project, session, dropped_at_ms, actor, reason, sealed) VALUES (?, ?, ?, ?, ?, ?)`;
const entriesSql = "SELECT coalesce(sum(head), 0) AS entries FROM log WHERE session_id = ?";
const logSql = "SELECT id, head, committed, length FROM log WHERE session_id = ? AND name = ?";
const countsSql = "UPDATE session SET entries = entries - ?, length = length - ? WHERE id = ?";
const refsSql = "DELETE FROM blob_ref WHERE project = ? AND session = ? RETURNING blob_id";
const freeSql = "DELETE FROM blob WHERE id = ? AND NOT EXISTS (SELECT 1 FROM blob_ref WHERE blob_id = ?)";
