import { stagedBy } from "../../core/fence.ts";
import { isOwnLog, type SessionKey } from "../../core/ids.ts";
import type { DropParams, DropResult, Tombstone } from "../../core/store.ts";
import { dropWork } from "./drop-work.ts";
import { findLane } from "./lane.ts";
import { displace } from "./recent.ts";
import { recordAudit } from "./record-audit.ts";
import { recordChange } from "./record-change.ts";
import { idOf, type State, type StoredSession } from "./state.ts";

/** Removes a session with all it has, or one log of it. */
export function drop(state: State, params: DropParams): DropResult {
  const { session: key, actor, reason } = params;
  const found = state.sessions.get(idOf(key));
  if (params.log !== undefined) return found === undefined ? nothing() : dropLog(state, found, params.log);
  const { held, ...result } = dropAll(state, key);
  const now = state.clock.now();
  recordAudit(state, { key, atMs: now, verb: "dropped", actor, reason });
  const { project, session } = key;
  const { sealed = true } = params;
  if (held) bury(state, { project, session, droppedAtMs: now, actor, reason: reason ?? null, sealed });
  return result;
}

/** Drops what began before it was dropped in another store, and says whether this store knew it. */
export function dropAsThere(state: State, tombstone: Tombstone): boolean {
  const id = idOf(tombstone);
  const known = state.tombstones.get(id);
  if (known !== undefined && known.droppedAtMs >= tombstone.droppedAtMs) return false;
  const found = state.sessions.get(id);
  if (found !== undefined && found.createdAtMs > tombstone.droppedAtMs) return false;
  dropAll(state, tombstone);
  bury(state, tombstone);
  return true;
}

interface Dropped extends DropResult {
  /** There was something that a tombstone is left for. */
  readonly held: boolean;
}

function dropAll(state: State, key: SessionKey): Dropped {
  const found = state.sessions.get(idOf(key));
  const blobs = dropBlobs(state, idOf(key));
  const held = dropWork(state, key) || found !== undefined;
  if (found === undefined) return { ...nothing(), dropped: held || blobs > 0, blobs, held };
  state.sessions.delete(idOf(key));
  if (found.visible) displace(state, found);
  let entries = 0;
  for (const log of found.logs.values()) entries += log.entries.length;
  return { dropped: true, logs: found.logs.size, entries, blobs, held };
}

function nothing(): DropResult {
  return { dropped: false, logs: 0, entries: 0, blobs: 0 };
}

function dropLog(state: State, session: StoredSession, name: string): DropResult {
  const log = session.logs.get(name);
  if (log === undefined) return nothing();
  const lane = findLane(state, session);
  if (session.staged.has(name)) throw stagedBy(lane!.open!.value, lane!.lease);
  const entries = log.entries.length;
  session.logs.delete(name);
  if (!isOwnLog(name)) session.entries -= entries;
  if (!isOwnLog(name)) session.length -= log.length;
  if (name === "") Object.assign(session, { mainHead: 0, summary: null, summaryHead: 0 });
  recordChange(state, { key: session, atMs: state.clock.now(), kind: "log_dropped", log: name });
  return { dropped: true, logs: 1, entries, blobs: 0 };
}

function dropBlobs(state: State, id: string): number {
  let freed = 0;
  for (const [blob, { holders }] of state.blobs) {
    if (!holders.delete(id) || holders.size > 0) continue;
    state.blobs.delete(blob);
    freed += 1;
  }
  return freed;
}

function bury(state: State, tombstone: Tombstone): void {
  const { project, session } = tombstone;
  state.tombstones.delete(idOf(tombstone));
  state.tombstones.set(idOf(tombstone), { ...tombstone });
  recordChange(state, { key: { project, session }, atMs: state.clock.now(), kind: "dropped" });
}
