import type { Clock } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import type { LogKey, SessionKey } from "../../core/ids.ts";
import type { Change, Tombstone } from "../../core/store.ts";

/** All that a memory store holds; every verb reads or changes it in one synchronous step. */
export interface State {
  readonly url: string;
  readonly clock: Clock;
  readonly sessions: Map<string, StoredSession>;
  /** The sessions by (updatedAtMs, rowId), oldest first. */
  readonly recent: StoredSession[];
  readonly tombstones: Map<string, Tombstone>;
  readonly blobs: Map<string, StoredBlob>;
  readonly changes: Change[];
  readonly watchers: Set<() => void>;
  lastRowId: number;
  lastLogId: number;
  closed: boolean;
}

export interface StoredSession extends SessionKey {
  readonly rowId: number;
  readonly provider: string;
  readonly logs: Map<string, StoredLog>;
  readonly createdAtMs: number;
  title: string | null;
  titleByUser: boolean;
  labels: Readonly<Record<string, string>>;
  summary: string | null;
  summaryHead: number;
  updatedAtMs: number;
  mainHead: number;
  entries: number;
  length: number;
}

export interface StoredLog {
  readonly id: string;
  readonly entries: Entry[];
  readonly uuids: Set<string>;
  readonly createdAtMs: number;
  length: number;
  updatedAtMs: number;
}

interface StoredBlob {
  readonly bytes: Uint8Array;
  /** The ids of the sessions that put it. */
  readonly holders: Set<string>;
}

/** A store with nothing in it. */
export function emptyState(clock: Clock): State {
  return {
    url: "memory:",
    clock,
    sessions: new Map(),
    recent: [],
    tombstones: new Map(),
    blobs: new Map(),
    changes: [],
    watchers: new Set(),
    lastRowId: 0,
    lastLogId: 0,
    closed: false,
  };
}

/** One text for one session key; JSON keeps `a` + `b/c` apart from `a/b` + `c`. */
export function idOf({ project, session }: SessionKey): string {
  return JSON.stringify([project, session]);
}

/** The log, or undefined where nothing was written. */
export function findLog(state: State, key: LogKey): StoredLog | undefined {
  return state.sessions.get(idOf(key))?.logs.get(key.log);
}
