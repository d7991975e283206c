import { stagedBy } from "../../core/fence.ts";
import { isOwnLog, type LogKey } from "../../core/ids.ts";
import type { DropParams, DropResult, Tombstone } from "../../core/store.ts";
import { freeBlobs } from "./blobs.ts";
import { dropWork } from "./drop-work.ts";
import type { LockedSession } from "./in-session.ts";
import { recordAudit } from "./record-audit.ts";
import { recordChange } from "./record-change.ts";
import { findRun } from "./run.ts";
import { findTombstone } from "./tombstone.ts";

/** Removes a session with all it has, or one log of it. */
export async function drop(session: LockedSession, params: DropParams): Promise<DropResult> {
  const { query, key, now } = session;
  const { log, actor, reason, sealed = true } = params;
  if (log !== undefined) return dropLog(session, { ...key, log });
  const [{ held, ...result }] = await Promise.all([
    dropAll(session),
    recordAudit(query, { key, atMs: now, actor, verb: "dropped", reason }),
  ]);
  if (held) await bury(session, { ...key, droppedAtMs: now, actor, reason: reason ?? null, sealed });
  return result;
}

/** Drops what began before it was dropped in another store, and says whether this store knew it. */
export async function dropAsThere(session: LockedSession, tombstone: Tombstone): Promise<boolean> {
  const { query, key } = session;
  const { droppedAtMs } = tombstone;
  const [known, [row]] = await Promise.all([
    findTombstone(query, key),
    query<{ createdAtMs: number }>(createdSql, key.project, key.session),
  ]);
  if (known !== undefined && known.droppedAtMs >= droppedAtMs) return false;
  if (row !== undefined && row.createdAtMs > droppedAtMs) return false;
  await dropAll(session);
  await bury(session, tombstone);
  return true;
}

interface Dropped extends DropResult {
  /** There was something that a tombstone is left for. */
  readonly held: boolean;
}

async function dropAll(session: LockedSession): Promise<Dropped> {
  const { query, key } = session;
  const [[content], worked] = await Promise.all([
    query<Content>(contentSql, key.project, key.session),
    dropWork(session),
  ]);
  const { known, logs, entries } = content!;
  const held = known || worked;
  const blobs = await freeBlobs(query, JSON.parse(content!.blobs) as string[]);
  return { dropped: held || blobs > 0, logs, entries, blobs, held };
}

async function bury({ query, key, now }: LockedSession, tombstone: Tombstone): Promise<void> {
  const { project, session, droppedAtMs, actor, reason, sealed } = tombstone;
  await Promise.all([
    query(tombstoneSql, project, session, droppedAtMs, actor, reason, sealed),
    recordChange(query, { key, atMs: now, kind: "dropped" }),
  ]);
}

const nothing: DropResult = { dropped: false, logs: 0, entries: 0, blobs: 0 };

interface Content {
  readonly known: boolean;
  readonly logs: number;
  readonly entries: number;
  /** A JSON array of those that the session held. */
  readonly blobs: string;
}

async function dropLog({ query, key, lane, now }: LockedSession, log: LogKey): Promise<DropResult> {
  const of = [key.project, key.session, log.log];
  const [found] = await query<LogRow>(logSql, ...of);
  if (found === undefined) return nothing;
  const { head, committed, length } = found;
  if (head > committed) throw stagedBy((await findRun(query, lane.openRun!))!, lane);
  await Promise.all([
    query(dropLogSql, ...of),
    isOwnLog(log.log) ? undefined : query(countsSql, ...of, head, length),
    recordChange(query, { key, atMs: now, kind: "log_dropped", log: log.log }),
  ]);
  return { dropped: true, logs: 1, entries: head, blobs: 0 };
}

interface LogRow {
  readonly head: number;
  readonly committed: number;
  readonly length: number;
}

const ofSession = "WHERE project = $1 AND session = $2";
const createdSql = `SELECT created_at_ms AS "createdAtMs" FROM hf.session ${ofSession}`;
const contentSql = `
  WITH chunk AS (DELETE FROM hf.chunk ${ofSession}),
  log AS (DELETE FROM hf.log ${ofSession} RETURNING head),
  session AS (DELETE FROM hf.session ${ofSession} RETURNING session),
  ref AS (DELETE FROM hf.blob_ref ${ofSession} RETURNING blob_id)
  SELECT EXISTS (SELECT FROM session) AS known, (SELECT count(*) FROM log) AS logs,
    (SELECT coalesce(sum(head), 0)::bigint FROM log) AS entries,
    (SELECT coalesce(json_agg(blob_id), '[]')::text FROM ref) AS blobs`;
// A later removal is a newer one, also at the same time.
const tombstoneSql = `
  INSERT INTO hf.tombstone (project, session, dropped_at_ms, actor, reason, sealed) VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (project, session) DO UPDATE SET id = DEFAULT, dropped_at_ms = excluded.dropped_at_ms,
    actor = excluded.actor, reason = excluded.reason, sealed = excluded.sealed`;
const logSql = `SELECT head, committed, length FROM hf.log ${ofSession} AND name = $3`;
const dropLogSql = `
  WITH log AS (DELETE FROM hf.log ${ofSession} AND name = $3 RETURNING id)
  DELETE FROM hf.chunk ${ofSession} AND log_id = (SELECT id FROM log)`;
const countsSql = `
  UPDATE hf.session SET entries = entries - $4, length = length - $5,
    main_head = CASE $3 WHEN '' THEN 0 ELSE main_head END, summary = CASE $3 WHEN '' THEN NULL ELSE summary END,
    summary_head = CASE $3 WHEN '' THEN 0 ELSE summary_head END
  ${ofSession}`;
