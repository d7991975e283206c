import { nextTime } from "../../core/clock.ts";
import type { Entry, EntryInput } from "../../core/entry.ts";
import type { SessionKey } from "../../core/ids.ts";
import { idOf, type State, type StoredLog, type StoredSession } from "./state.ts";

/** The entries that a log does not hold yet, staged ones included. */
export function freshOf(log: StoredLog | undefined, entries: readonly EntryInput[]): EntryInput[] {
  const seen = new Set<string>();
  const fresh: EntryInput[] = [];
  for (const { body, uuid, atMs } of entries) {
    if (uuid !== undefined && (seen.has(uuid) || log?.uuids.has(uuid) === true)) continue;
    if (uuid !== undefined) seen.add(uuid);
    fresh.push({ body, ...(uuid === undefined ? {} : { uuid }), ...(atMs === undefined ? {} : { atMs }) });
  }
  return fresh;
}

/** A session that the store does not hold yet; see {@link register}. */
export function newSession(
  state: State,
  { project, session }: SessionKey,
  provider: string,
  atMs: number,
): StoredSession {
  return {
    project,
    session,
    rowId: state.lastRowId + 1,
    provider,
    logs: new Map(),
    staged: new Set(),
    createdAtMs: atMs,
    visible: false,
    title: null,
    titleByUser: false,
    labels: {},
    summary: null,
    summaryHead: 0,
    updatedAtMs: atMs,
    mainHead: 0,
    entries: 0,
    length: 0,
    revision: 0,
    resumeKey: null,
    resumeToken: null,
  };
}

/** Makes the store hold a session, if it does not yet; nobody sees it before something of it is published. */
export function register(state: State, session: StoredSession): void {
  state.lastRowId = Math.max(state.lastRowId, session.rowId);
  state.sessions.set(idOf(session), session);
}

/** Adds entries behind a log's head, where no reader sees them; the log is made where there is none. */
export function stage(state: State, session: StoredSession, { log: name, fresh, now }: StageParams): void {
  if (fresh.length === 0) return;
  const log =
    session.logs.get(name) ??
    newLog(state, session, name, nextTime({ previous: 0, wanted: fresh[0]!.atMs, now }));
  for (const { body, uuid, atMs: wanted } of fresh) {
    const atMs = nextTime({ previous: log.entries.at(-1)?.atMs ?? 0, wanted, now });
    const entry: Entry = { seq: log.entries.length + 1, atMs, ...(uuid === undefined ? {} : { uuid }), body };
    log.entries.push(entry);
    if (uuid !== undefined) log.uuids.add(uuid);
  }
  session.staged.add(name);
}

interface StageParams {
  readonly log: string;
  readonly fresh: readonly EntryInput[];
  readonly now: number;
}

function newLog(state: State, session: StoredSession, name: string, createdAtMs: number): StoredLog {
  const id = String((state.lastLogId += 1));
  const made: StoredLog = { id, entries: [], uuids: new Set(), createdAtMs, committed: 0, length: 0 };
  session.logs.set(name, made);
  return made;
}
