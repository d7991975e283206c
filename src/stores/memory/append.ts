import { checkHead, checkTombstone } from "../../core/checks.ts";
import { nextTime } from "../../core/clock.ts";
import { type Entry, type EntryInput, lengthOf } from "../../core/entry.ts";
import { isOwnLog, type SessionKey } from "../../core/ids.ts";
import type { AppendParams, AppendResult } from "../../core/store.ts";
import { foldInto } from "./fold.ts";
import { displace, place } from "./recent.ts";
import { recordChange } from "./record-change.ts";
import { idOf, type State, type StoredLog, type StoredSession } from "./state.ts";

/** Appends a batch; whatever can refuse or throw comes before the first change. */
export function append(state: State, params: AppendParams): AppendResult {
  const { log: key, entries, expectHead } = params;
  const now = state.clock.now();
  const found = state.sessions.get(idOf(key));
  if (found === undefined) checkTombstone(state.tombstones.get(idOf(key)), key, params.reopen);
  const log = found?.logs.get(key.log);
  const head = log?.entries.length ?? 0;
  checkHead(expectHead, head, key);
  const fresh = freshOf(log, entries);
  const duplicates = entries.length - fresh.length;
  const to = head + fresh.length;
  if (fresh.length === 0) return { from: head + 1, to, appended: 0, duplicates, committed: head };

  const atMs = nextTime({ previous: 0, wanted: entries[0]?.atMs, now });
  const session = found ?? newSession(state, key, params.provider, atMs);
  const folded = key.log === "" ? foldInto(session, { to, appended: fresh, fold: params.fold }) : {};
  if (found === undefined) admit(state, session);
  const last = addTo(log ?? newLog(state, session, key.log, atMs), fresh, now);
  Object.assign(session, folded);
  if (!isOwnLog(key.log))
    count(state, session, { entries: fresh.length, length: lengthOf(fresh), atMs: last });
  recordChange(state, { key, atMs: now, kind: "appended", log: key.log, from: head + 1, to });
  return { from: head + 1, to, appended: fresh.length, duplicates, committed: to };
}

function freshOf(log: StoredLog | undefined, entries: readonly EntryInput[]): EntryInput[] {
  const seen = new Set<string>();
  const fresh: EntryInput[] = [];
  for (const { body, uuid, atMs } of entries) {
    if (uuid !== undefined && (seen.has(uuid) || log?.uuids.has(uuid) === true)) continue;
    if (uuid !== undefined) seen.add(uuid);
    fresh.push({ body, ...(uuid === undefined ? {} : { uuid }), ...(atMs === undefined ? {} : { atMs }) });
  }
  return fresh;
}

function newSession(
  state: State,
  { project, session }: SessionKey,
  provider = "unknown",
  atMs: number,
): StoredSession {
  return {
    project,
    session,
    rowId: state.lastRowId + 1,
    provider,
    logs: new Map(),
    createdAtMs: atMs,
    title: null,
    titleByUser: false,
    labels: {},
    summary: null,
    summaryHead: 0,
    updatedAtMs: atMs,
    mainHead: 0,
    entries: 0,
    length: 0,
  };
}

function admit(state: State, session: StoredSession): void {
  const id = idOf(session);
  state.lastRowId = session.rowId;
  state.sessions.set(id, session);
  state.tombstones.delete(id);
  place(state, session);
}

function newLog(state: State, session: StoredSession, name: string, createdAtMs: number): StoredLog {
  const id = String((state.lastLogId += 1));
  const made: StoredLog = { id, entries: [], uuids: new Set(), createdAtMs, length: 0, updatedAtMs: 0 };
  session.logs.set(name, made);
  return made;
}

function addTo(log: StoredLog, fresh: readonly EntryInput[], now: number): number {
  for (const { body, uuid, atMs: wanted } of fresh) {
    const atMs = nextTime({ previous: log.updatedAtMs, wanted, now });
    const entry: Entry = { seq: log.entries.length + 1, atMs, ...(uuid === undefined ? {} : { uuid }), body };
    log.entries.push(entry);
    if (uuid !== undefined) log.uuids.add(uuid);
    log.updatedAtMs = atMs;
    log.length += body.length;
  }
  return log.updatedAtMs;
}

interface Added {
  readonly entries: number;
  readonly length: number;
  readonly atMs: number;
}

function count(state: State, session: StoredSession, { entries, length, atMs }: Added): void {
  displace(state, session);
  session.entries += entries;
  session.length += length;
  session.updatedAtMs = Math.max(session.updatedAtMs, atMs);
  place(state, session);
}
