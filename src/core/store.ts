import type { AuditParams, AuditRow } from "./audit.ts";
import type { Entry, EntryInput } from "./entry.ts";
import type { AdoptParams, HoldingsPage, HoldingsParams, KeysParams } from "./holdings.ts";
import type { LogKey, SessionKey } from "./ids.ts";
import type {
  AdmitParams,
  AdmitResult,
  CancelParams,
  Input,
  InputsParams,
  RequeueParams,
  RequeueResult,
} from "./input.ts";
import type {
  AcquireLeaseParams,
  ClearLeaseParams,
  ClearLeaseResult,
  Fence,
  Lease,
  ReleaseLeaseParams,
  RenewLeaseParams,
} from "./lease.ts";
import type { AdvanceParams, ProjectedParams, ProjectionRow, SetProjectionParams } from "./projection.ts";
import type {
  Claim,
  ClaimParams,
  EndRunParams,
  EndRunResult,
  CommitParams,
  CommitResult,
  Run,
  RunPage,
  RunsParams,
  Tail,
} from "./run.ts";
import type { SweepParams, SweepResult } from "./sweep.ts";
import type { RecordUsageParams, UsageGroup, UsageParams } from "./usage.ts";

/**
 * The store port: what every driver keeps, proved by the suite in `holdfast/testing`.
 * Every verb is atomic, returns nothing that is shared with the store's own state, and throws HoldfastError.
 */
export interface Store {
  /** Where the store is, without credentials, such as `sqlite:/path/holdfast.db`. */
  readonly url: string;

  // Logs
  append(params: AppendParams): Promise<AppendResult>;
  read(params: ReadParams): Promise<ReadResult>;
  /** Yields the committed bodies in order, in pieces of about 1 MB: the fast way out. */
  scan(params: ScanParams): AsyncIterable<readonly string[]>;

  // Sessions
  logs(key: SessionKey): Promise<readonly LogRow[]>;
  session(key: SessionKey): Promise<SessionRow | null>;
  sessions(params?: SessionsParams): Promise<SessionPage>;
  describe(params: DescribeParams): Promise<SessionRow>;
  drop(params: DropParams): Promise<DropResult>;
  tombstone(key: SessionKey): Promise<Tombstone | null>;
  /** The newest removal first. */
  tombstones(params?: TombstonesParams): Promise<readonly Tombstone[]>;

  // Leases
  /** @throws session_busy while one is live, session_dropped */
  acquireLease(params: AcquireLeaseParams): Promise<Lease>;
  /** @throws lease_lost */
  renewLease(params: RenewLeaseParams): Promise<Lease>;
  /** Ends the lease if it is still this one; the session's epoch is never given again. */
  releaseLease(params: ReleaseLeaseParams): Promise<{ readonly released: boolean }>;
  /** Ends whatever lease there is, bumps the epoch and forgets the session's resume token. */
  clearLease(params: ClearLeaseParams): Promise<ClearLeaseResult>;
  /** The lease that is live now. */
  lease(key: SessionKey): Promise<Lease | null>;

  // Inputs and runs
  /** @throws input_conflict when the key is known with another body, session_dropped */
  admit(params: AdmitParams): Promise<AdmitResult>;
  /**
   * Begins a run with a lease on the next input, or gives null: of the sessions without a live lease and without an open
   * run the one whose next input has the greatest priority, then the one served longest ago; of its inputs the greatest
   * priority, then the first admitted. A session whose next input is of another provider is passed over whole: its inputs keep their order.
   */
  claim(params: ClaimParams): Promise<Claim | null>;
  /** Cancels a queued input; asks the run of a running one to stop. @throws input_unknown, input_closed */
  cancel(params: CancelParams): Promise<Input>;
  /** Queues an abandoned input again, with as many tries as a new one; its runs stay. @throws input_unknown, input_closed */
  requeue(params: RequeueParams): Promise<RequeueResult>;
  inputs(params: InputsParams): Promise<readonly Input[]>;
  run(params: { readonly run: string }): Promise<Run | null>;
  runs(params?: RunsParams): Promise<RunPage>;
  /** What an open run has staged. @throws run_unknown, run_closed */
  tail(params: { readonly run: string }): Promise<Tail>;
  /** @throws lease_lost, run_unknown, run_closed, commit_conflict, tail_mismatch */
  commit(params: CommitParams): Promise<CommitResult>;
  /** @throws lease_lost, run_unknown, run_closed, tail_mismatch */
  endRun(params: EndRunParams): Promise<EndRunResult>;
  audit(params?: AuditParams): Promise<readonly AuditRow[]>;

  // Usage and projections
  /** Adds what is not counted yet; of a response that is, keeps the greatest usage. A dropped session takes none. */
  recordUsage(params: RecordUsageParams): Promise<{ readonly added: number }>;
  usage(params: UsageParams): Promise<readonly UsageGroup[]>;
  projections(): Promise<readonly ProjectionRow[]>;
  /** @throws position_conflict */
  advance(params: AdvanceParams): Promise<ProjectionRow>;
  setProjection(params: SetProjectionParams): Promise<ProjectionRow>;
  /** The projection's document of a session. */
  projected(params: ProjectedParams): Promise<string | null>;

  // Blobs
  putBlob(params: PutBlobParams): Promise<{ readonly blob: string }>;
  getBlob(params: { readonly blob: string }): Promise<Uint8Array | null>;

  // Copies
  /** Every session of which the store holds anything or remembers that it was dropped, also those that no list shows. */
  keys(params?: KeysParams): Promise<readonly SessionKey[]>;
  /** A page of what a session has beside its entries. */
  holdings(params: HoldingsParams): Promise<HoldingsPage>;
  /**
   * Takes what another store gave by `holdings`, and tells how many of it changed anything: 0 when done again. A row
   * waits for its session, a tombstone drops what began before it, an input that is not final or whose name is taken
   * stays out, but its id is not given here any more, and a blob is put by `putBlob`. An input that is abandoned here
   * goes on as it did there, where that one's runs begin with those that are here.
   */
  adopt(params: AdoptParams): Promise<{ readonly adopted: number }>;

  // Changes
  changes(params: ChangesParams): Promise<ChangesResult>;
  /** Yields the feed's position whenever it has passed `after`, until the signal aborts; misses nothing, may merge several. */
  watch(
    params: { readonly after: number },
    signal: AbortSignal,
  ): AsyncIterable<{ readonly position: number }>;

  // Upkeep
  /** Removes what nothing refers to any more; what belongs to a session goes with its drop alone. */
  sweep(params: SweepParams): Promise<SweepResult>;
  migrate(): Promise<MigrateResult>;
  health(params?: { readonly deep?: boolean }): Promise<StoreHealth>;
  close(): Promise<void>;
}

/** A batch for one log. All of it is stored, or nothing. */
export interface AppendParams {
  readonly log: LogKey;
  readonly entries: readonly EntryInput[];
  /** Refuse with `head_conflict` unless the log's head is exactly this (0: the log must be new). */
  readonly expectHead?: number;
  /** Set on the session's first write; ignored later. */
  readonly provider?: string;
  /** Folds what was appended to the main log into summary and title, inside the transaction. Pure; may run more than once. */
  readonly fold?: Fold;
  /** Lets a dropped session start anew: after its SDK's own delete (`unsealed`), or after any drop (`any`). */
  readonly reopen?: "unsealed" | "any";
  /** Refuse with `lease_lost` unless this lease is live. Without it an append waits for no lease, but never writes into what a run has staged. */
  readonly fence?: Fence;
  /** Stages the entries for this open run: no reader sees them before its boundary. Needs the fence. */
  readonly run?: string;
  /** Gives up, with nothing written, while the append still waits for its turn. */
  readonly signal?: AbortSignal;
}

/** `from`..`to` are the new seqs (`to < from` when nothing was new). */
export interface AppendResult {
  readonly from: number;
  readonly to: number;
  readonly appended: number;
  readonly duplicates: number;
  readonly committed: number;
}

/** Computes a session's next summary and title from the entries that were really appended. */
export type Fold = (state: FoldState, appended: readonly EntryInput[]) => FoldState;

/**
 * `summary` is JSON text of the provider's own shape; `null` where there is none, or where it missed earlier entries.
 * A summary that is returned is kept only if nothing was missed; a title the user gave by `describe` is never changed.
 */
export interface FoldState {
  readonly summary: string | null;
  readonly title: string | null;
}

export interface ReadParams {
  readonly log: LogKey;
  /** In order `asc`: entries with a greater seq. In `desc`: entries with a smaller one. */
  readonly after?: number;
  readonly limit?: number;
  readonly order?: "asc" | "desc";
  /** Refuse with `session_dropped` unless the log is still the one with this id. */
  readonly id?: string;
  /** Reads on into what this open run has staged: for the run's own timeline alone. */
  readonly run?: string;
}

/** An unknown log reads as empty, with head 0. */
export interface ReadResult {
  /** Names this log alone: one that was dropped and began anew has another id. Absent where nothing was written. */
  readonly id?: string;
  readonly entries: readonly Entry[];
  readonly head: number;
  readonly committed: number;
}

export interface ScanParams {
  readonly log: LogKey;
  readonly after?: number;
  /** As in a read. */
  readonly id?: string;
}

export interface LogRow {
  readonly log: string;
  readonly head: number;
  readonly committed: number;
  /** Sum of the bodies' lengths in UTF-16 code units. */
  readonly length: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** A session's catalogue row: light, never opens a log. There is one once anything is visible in a log that is not Holdfast's own. */
export interface SessionRow extends SessionKey {
  readonly provider: string;
  readonly title: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** The folded summary, or `null` when entries came in without a fold since. */
  readonly summary: string | null;
  readonly createdAtMs: number;
  /** The newest entry's time, over all logs but Holdfast's own. */
  readonly updatedAtMs: number;
  /** Head of the main log; 0 when only other logs were written. */
  readonly mainHead: number;
  /** Entries and UTF-16 length over all logs but Holdfast's own. */
  readonly entries: number;
  readonly length: number;
  /** How many runs were committed. */
  readonly revision: number;
  /** What a dispatcher resumes the session by, and the token that its agent resumes with. */
  readonly resumeKey: string | null;
  readonly resumeToken: string | null;
}

/** Newest first. `limit` is 1 to 1,000, default 50. */
export interface SessionsParams {
  readonly filter?: SessionsFilter;
  readonly cursor?: string;
  readonly limit?: number;
}

export interface SessionsFilter {
  readonly project?: string;
  readonly provider?: string;
  /** Part of the title, in any case. */
  readonly title?: string;
  readonly sinceMs?: number;
  readonly sessionPrefix?: string;
  readonly resumeKey?: string;
}

export interface SessionPage {
  readonly sessions: readonly SessionRow[];
  /** Absent on the last page. */
  readonly cursor?: string;
}

/** Absent fields stay; a label with the value `null` is removed. */
export interface DescribeParams {
  readonly session: SessionKey;
  readonly title?: string | null;
  readonly labels?: Readonly<Record<string, string | null>>;
  /** Replaces the summary if the main log's head is still `head`; refused with `head_conflict` otherwise. */
  readonly summary?: { readonly data: string; readonly head: number };
  /** A key that another session of the project has moves here. Null forgets both. */
  readonly resume?: { readonly key: string; readonly token: string } | null;
}

export interface DropParams {
  readonly session: SessionKey;
  /** Only this log, its tombstone is none; absent: the session with all its logs and blobs. */
  readonly log?: string;
  readonly actor: string;
  readonly reason?: string;
  /** `false` lets the session's own SDK start it anew (its contract for delete). Default true: later writes are refused. */
  readonly sealed?: boolean;
}

export interface DropResult {
  readonly dropped: boolean;
  readonly logs: number;
  readonly entries: number;
  readonly blobs: number;
}

/** What is left of a dropped session. */
export interface Tombstone extends SessionKey {
  readonly droppedAtMs: number;
  readonly actor: string;
  readonly reason: string | null;
  readonly sealed: boolean;
}

/** `limit` is 1 to 1,000, default 50. */
export interface TombstonesParams {
  readonly project?: string;
  readonly sessionPrefix?: string;
  readonly limit?: number;
}

/** A blob is kept as long as one session that put it exists. */
export interface PutBlobParams {
  readonly session: SessionKey;
  readonly bytes: Uint8Array;
}

/** One committed change. `seq` is gapless from 1 over the whole store. */
export interface Change extends SessionKey {
  readonly seq: number;
  readonly atMs: number;
  readonly kind: "appended" | "described" | "dropped" | "log_dropped" | "run" | "input" | "lease_cleared";
  /** The log concerned, for `appended` and `log_dropped`. */
  readonly log?: string;
  /** First and last new seq, for `appended`. */
  readonly from?: number;
  readonly to?: number;
  /** The run or the input concerned. */
  readonly of?: string;
}

/** Changes after `after` (0: from the start). `limit` is 1 to 1,000, default 100. */
export interface ChangesParams {
  readonly after: number;
  readonly limit?: number;
}

export interface ChangesResult {
  readonly changes: readonly Change[];
  /** The feed's last seq at the time of the call. */
  readonly position: number;
}

export interface MigrateResult {
  readonly from: number;
  readonly to: number;
  /** The copy that was taken before the first change, if there was anything to copy. */
  readonly backup?: string;
}

export interface StoreHealth {
  readonly driver: string;
  readonly url: string;
  readonly schema: number;
  readonly latestSchema: number;
  readonly sessions: number;
  readonly logs: number;
  readonly entries: number;
  readonly blobs: number;
  readonly position: number;
  /** Bytes on disk, with the write-ahead log. */
  readonly bytes: number;
  /** Sentences; empty when all is well. */
  readonly problems: readonly string[];
}
