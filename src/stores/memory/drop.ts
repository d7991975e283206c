import { stagedBy } from "../../core/fence.ts";
import { isOwnLog } from "../../core/ids.ts";
import type { DropParams, DropResult } from "../../core/store.ts";
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
  const blobs = dropBlobs(state, idOf(key));
  const worked = dropWork(state, key);
  recordAudit(state, { key, atMs: state.clock.now(), verb: "dropped", actor, reason });
  if (found === undefined && !worked) return { ...nothing(), dropped: blobs > 0, blobs };
  bury(state, params);
  if (found === undefined) return { ...nothing(), dropped: true, blobs };
  state.sessions.delete(idOf(key));
  if (found.visible) displace(state, found);
  let entries = 0;
  for (const log of found.logs.values()) entries += log.entries.length;
  return { dropped: true, logs: found.logs.size, entries, blobs };
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

function bury(state: State, { session: key, actor, reason, sealed = true }: DropParams): void {
  const { project, session } = key;
  const now = state.clock.now();
  const tombstone = { project, session, droppedAtMs: now, actor, reason: reason ?? null, sealed };
  state.tombstones.set(idOf(key), tombstone);
  recordChange(state, { key, atMs: now, kind: "dropped" });
}
