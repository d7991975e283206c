import type { AuditRow } from "../../core/audit.ts";
import type { Clock } from "../../core/clock.ts";
import type { Entry } from "../../core/entry.ts";
import type { LogKey, SessionKey } from "../../core/ids.ts";
import type { ProjectionRow } from "../../core/projection.ts";
import type { Change, Tombstone } from "../../core/store.ts";
import type { UsageRow } from "../../core/usage.ts";
import type { Lane, StoredInput, StoredRun } from "./lane.ts";

/** All that a memory store holds; every verb reads or changes it in one synchronous step. */
export interface State {
  readonly url: string;
  readonly clock: Clock;
  readonly sessions: Map<string, StoredSession>;
  /** The visible sessions by (updatedAtMs, rowId), oldest first. */
  readonly recent: StoredSession[];
  readonly tombstones: Map<string, Tombstone>;
  readonly lanes: Map<string, Lane>;
  /** The lanes that a claim may take but for a live lease, the next one first. */
  readonly ready: Lane[];
  /** By id, oldest first. */
  readonly inputs: Map<string, StoredInput>;
  readonly runs: Map<string, StoredRun>;
  /** The runs that are running or held, oldest first. */
  readonly openRuns: Set<StoredRun>;
  /** How many runs are running in each project. */
  readonly running: Map<string, number>;
  readonly audit: AuditRow[];
  /** By the response's key. */
  readonly usage: Map<string, StoredUsage>;
  readonly projections: Map<string, StoredProjection>;
  readonly blobs: Map<string, StoredBlob>;
  readonly changes: Change[];
  readonly watchers: Set<() => void>;
  lastRowId: number;
  lastLogId: number;
  lastInputId: number;
  lastRunId: number;
  lastServed: number;
  closed: boolean;
}

export interface StoredSession extends SessionKey {
  readonly rowId: number;
  provider: string;
  readonly logs: Map<string, StoredLog>;
  /** The logs that hold staged entries. */
  readonly staged: Set<string>;
  createdAtMs: number;
  /** False while there is nothing but staged entries. */
  visible: boolean;
  title: string | null;
  titleByUser: boolean;
  labels: Readonly<Record<string, string>>;
  summary: string | null;
  summaryHead: number;
  updatedAtMs: number;
  mainHead: number;
  entries: number;
  length: number;
  revision: number;
  resumeKey: string | null;
  resumeToken: string | null;
}

export interface StoredLog {
  readonly id: string;
  readonly entries: Entry[];
  readonly uuids: Set<string>;
  readonly createdAtMs: number;
  /** How many of the entries are visible. */
  committed: number;
  /** Of the visible entries. */
  length: number;
}

interface StoredUsage {
  /** The first that recorded it. */
  readonly session: SessionKey;
  readonly row: UsageRow;
}

export interface StoredProjection {
  row: ProjectionRow;
  /** By session. */
  readonly documents: Map<string, string>;
}

interface StoredBlob {
  readonly bytes: Uint8Array;
  /** The ids of the sessions that put it, and when each did so last. */
  readonly holders: Map<string, number>;
}

/** A store with nothing in it. */
export function emptyState(clock: Clock): State {
  return {
    url: "memory:",
    clock,
    sessions: new Map(),
    recent: [],
    tombstones: new Map(),
    lanes: new Map(),
    ready: [],
    inputs: new Map(),
    runs: new Map(),
    openRuns: new Set(),
    running: new Map(),
    audit: [],
    usage: new Map(),
    projections: new Map(),
    blobs: new Map(),
    changes: [],
    watchers: new Set(),
    lastRowId: 0,
    lastLogId: 0,
    lastInputId: 0,
    lastRunId: 0,
    lastServed: 0,
    closed: false,
  };
}

/** One text for one session key; JSON keeps `a` + `b/c` apart from `a/b` + `c`. */
export function idOf({ project, session }: SessionKey): string {
  return JSON.stringify([project, session]);
}

/** The session, or undefined where it has nothing that a reader may see. */
export function visibleSession(state: State, key: SessionKey): StoredSession | undefined {
  const found = state.sessions.get(idOf(key));
  return found?.visible === true ? found : undefined;
}

/** The log, or undefined where nothing in it is committed. */
export function visibleLog(state: State, key: LogKey): StoredLog | undefined {
  const found = state.sessions.get(idOf(key))?.logs.get(key.log);
  return found === undefined || found.committed === 0 ? undefined : found;
}
