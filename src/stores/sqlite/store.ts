import type { AuditParams, AuditRow } from "../../core/audit.ts";
import { checkAfter, checkLimit, closedStore } from "../../core/checks.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { checkEntries, type EntryInput } from "../../core/entry.ts";
import type * as copies from "../../core/holdings.ts";
import { checkLogKey, checkSessionKey, type SessionKey } from "../../core/ids.ts";
import type * as input from "../../core/input.ts";
import * as leases from "../../core/lease.ts";
import type * as projection from "../../core/projection.ts";
import type * as work from "../../core/run.ts";
import type * as port from "../../core/store.ts";
import { checkSweep, type SweepParams, type SweepResult } from "../../core/sweep.ts";
import type * as ledger from "../../core/usage.ts";
import { checkInput } from "../../core/work-checks.ts";
import { acquireLease } from "./acquire-lease.ts";
import { admit } from "./admit.ts";
import { adopt } from "./adopt.ts";
import { advance } from "./advance.ts";
import { append } from "./append.ts";
import { audit } from "./audit.ts";
import { getBlob, putBlob } from "./blobs.ts";
import { cancel } from "./cancel.ts";
import { changes, positionOf } from "./changes.ts";
import { claim, isReady } from "./claim.ts";
import { clearLease } from "./clear-lease.ts";
import { CommitQueue } from "./commit-queue.ts";
import { commit } from "./commit.ts";
import type { Connection } from "./connection.ts";
import { describe } from "./describe.ts";
import { drop } from "./drop.ts";
import { endRun } from "./end-run.ts";
import { isBusy } from "./errors.ts";
import { health } from "./health.ts";
import { holdings } from "./holdings.ts";
import { inputs } from "./inputs.ts";
import { keys } from "./keys.ts";
import { KnownLogs } from "./known-logs.ts";
import { lease } from "./lease.ts";
import { logs } from "./logs.ts";
import { migrate, readMigrations } from "./migrate.ts";
import { ownCopy } from "../../core/own-copy.ts";
import { openFile, openWriter, type Synchronous } from "./open.ts";
import { projected } from "./projected.ts";
import { projections } from "./projections.ts";
import { read } from "./read.ts";
import { recordUsage } from "./record-usage.ts";
import { releaseLease } from "./release-lease.ts";
import { renewLease } from "./renew-lease.ts";
import { requeue } from "./requeue.ts";
import { run } from "./run.ts";
import { runs } from "./runs.ts";
import { scan } from "./scan.ts";
import { session } from "./session.ts";
import { sessions } from "./sessions.ts";
import { setProjection } from "./set-projection.ts";
import { sweep } from "./sweep.ts";
import { tail } from "./tail.ts";
import { findTombstone } from "./tombstone.ts";
import { usage } from "./usage.ts";
import { tombstones } from "./tombstones.ts";
import { Watch } from "./watch.ts";

/** How to open a store in one SQLite file. */
export interface SqliteStoreOptions {
  readonly path: string;
  /** Make the file where there is none; default true. */
  readonly create?: boolean;
  readonly clock?: Clock;
  readonly synchronous?: Synchronous;
  /** How long a write waits while another process writes; default 10,000. */
  readonly lockWaitMs?: number;
  /** How often watchers look for other processes' commits; default 10. */
  readonly pollMs?: number;
}

/** Opens a store in one SQLite file. @throws store_unreachable, store_foreign, store_too_new, migration_failed */
export function openSqliteStore(options: SqliteStoreOptions): port.Store {
  return new SqliteStore(options);
}

class SqliteStore implements port.Store {
  readonly url: string;
  readonly #clock: Clock;
  readonly #reader: Connection;
  readonly #queue: CommitQueue;
  readonly #watch: Watch;
  readonly #known = new KnownLogs();
  #writer: Connection | undefined;
  #closed = false;

  constructor({
    path,
    create = true,
    clock = systemClock,
    synchronous = "FULL",
    lockWaitMs = 10_000,
    pollMs = 10,
  }: SqliteStoreOptions) {
    this.#clock = clock;
    this.#reader = openFile({ path, create, lockWaitMs, now: clock.now() });
    this.url = `sqlite:${this.#reader.path}`;
    this.#watch = new Watch({ connection: () => this.#open(), pollMs });
    const open = (): Connection => (this.#writer ??= openWriter(this.#reader.path, synchronous));
    this.#queue = new CommitQueue({
      open,
      path: this.#reader.path,
      lockWaitMs,
      committed: () => this.#watch.wake(),
      undone: () => this.#known.clear(),
    });
  }

  async append(params: port.AppendParams): Promise<port.AppendResult> {
    checkLogKey(params.log);
    checkEntries(params.entries);
    // The caller may change what it passed while the append waits for its turn.
    const own = { ...params, log: { ...params.log }, entries: params.entries.map(ownEntry) };
    return this.#write(
      (connection) => append(connection, this.#known, own, this.#clock.now()),
      params.signal,
    );
  }

  async read(params: port.ReadParams): Promise<port.ReadResult> {
    checkLogKey(params.log);
    if (params.limit !== undefined) checkLimit(params.limit, Number.MAX_SAFE_INTEGER);
    return read(this.#open(), params);
  }

  scan(params: port.ScanParams): AsyncIterable<readonly string[]> {
    checkLogKey(params.log);
    return scan(() => this.#open(), params);
  }

  async logs(key: SessionKey): Promise<readonly port.LogRow[]> {
    checkSessionKey(key);
    return logs(this.#open(), key);
  }

  async session(key: SessionKey): Promise<port.SessionRow | null> {
    checkSessionKey(key);
    return this.#near((connection) => session(connection, key));
  }

  async sessions(params: port.SessionsParams = {}): Promise<port.SessionPage> {
    return sessions(this.#open(), params);
  }

  async describe(params: port.DescribeParams): Promise<port.SessionRow> {
    checkSessionKey(params.session);
    return this.#change(params, describe);
  }

  async drop(params: port.DropParams): Promise<port.DropResult> {
    checkLogKey({ ...params.session, log: params.log ?? "" });
    return this.#change(params, drop);
  }

  async tombstone(key: SessionKey): Promise<port.Tombstone | null> {
    checkSessionKey(key);
    return findTombstone(this.#open(), key) ?? null;
  }

  async acquireLease(params: leases.AcquireLeaseParams): Promise<leases.Lease> {
    checkSessionKey(params.session);
    leases.checkLease(params);
    return this.#change(params, acquireLease);
  }

  async renewLease(params: leases.RenewLeaseParams): Promise<leases.Lease> {
    checkSessionKey(params.session);
    leases.checkLease({ leaseMs: params.leaseMs });
    return this.#change(params, renewLease);
  }

  async releaseLease(params: leases.ReleaseLeaseParams): Promise<{ readonly released: boolean }> {
    checkSessionKey(params.session);
    return this.#change(params, releaseLease);
  }

  async clearLease(params: leases.ClearLeaseParams): Promise<leases.ClearLeaseResult> {
    checkSessionKey(params.session);
    return this.#change(params, clearLease);
  }

  async lease(key: SessionKey): Promise<leases.Lease | null> {
    checkSessionKey(key);
    return this.#near((connection) => lease(connection, key, this.#clock.now()));
  }

  async admit(params: input.AdmitParams): Promise<input.AdmitResult> {
    checkSessionKey(params.session);
    checkInput(params);
    return this.#change(params, admit);
  }

  async claim(params: work.ClaimParams): Promise<work.Claim | null> {
    leases.checkLease({ owner: params.worker, leaseMs: params.leaseMs });
    if (!this.#near((connection) => isReady(connection, params, this.#clock.now()))) return null;
    return this.#change(params, claim);
  }

  async cancel(params: input.CancelParams): Promise<input.Input> {
    checkSessionKey(params.session);
    return this.#change(params, cancel);
  }

  async requeue(params: input.RequeueParams): Promise<input.RequeueResult> {
    checkSessionKey(params.session);
    return this.#change(params, requeue);
  }

  async inputs(params: input.InputsParams): Promise<readonly input.Input[]> {
    if (params.session !== undefined) checkSessionKey(params.session);
    return this.#near((connection) => inputs(connection, params));
  }

  async run(params: { readonly run: string }): Promise<work.Run | null> {
    return this.#near((connection) => run(connection, params));
  }

  async runs(params: work.RunsParams = {}): Promise<work.RunPage> {
    if (params.session !== undefined) checkSessionKey(params.session);
    return runs(this.#open(), params);
  }

  async tail(params: { readonly run: string }): Promise<work.Tail> {
    return this.#near((connection) => tail(connection, params));
  }

  async commit(params: work.CommitParams): Promise<work.CommitResult> {
    checkSessionKey(params.session);
    checkEntries(params.closers ?? []);
    return this.#change(params, (connection, own, now) => commit(connection, this.#known, own, now));
  }

  async endRun(params: work.EndRunParams): Promise<work.EndRunResult> {
    checkSessionKey(params.session);
    checkEntries(params.closers ?? []);
    return this.#change(params, (connection, own, now) => endRun(connection, this.#known, own, now));
  }

  async audit(params: AuditParams = {}): Promise<readonly AuditRow[]> {
    if (params.session !== undefined) checkSessionKey(params.session);
    return audit(this.#open(), params);
  }

  async recordUsage(params: ledger.RecordUsageParams): Promise<{ readonly added: number }> {
    checkSessionKey(params.session);
    return this.#change(params, recordUsage);
  }

  async usage(params: ledger.UsageParams): Promise<readonly ledger.UsageGroup[]> {
    if (params.session !== undefined) checkSessionKey(params.session);
    return usage(this.#open(), params);
  }

  async projections(): Promise<readonly projection.ProjectionRow[]> {
    return projections(this.#open());
  }

  async advance(params: projection.AdvanceParams): Promise<projection.ProjectionRow> {
    for (const { session: key } of params.documents ?? []) checkSessionKey(key);
    return this.#change(params, advance);
  }

  async setProjection(params: projection.SetProjectionParams): Promise<projection.ProjectionRow> {
    return this.#change(params, setProjection);
  }

  async projected(params: projection.ProjectedParams): Promise<string | null> {
    checkSessionKey(params.session);
    return projected(this.#open(), params);
  }

  async tombstones(params: port.TombstonesParams = {}): Promise<readonly port.Tombstone[]> {
    return tombstones(this.#open(), params);
  }

  async putBlob(params: port.PutBlobParams): Promise<{ readonly blob: string }> {
    checkSessionKey(params.session);
    return this.#change(params, putBlob);
  }

  async getBlob(params: { readonly blob: string }): Promise<Uint8Array | null> {
    return getBlob(this.#open(), params);
  }

  async keys(params: copies.KeysParams = {}): Promise<readonly SessionKey[]> {
    return keys(this.#open(), params);
  }

  async holdings(params: copies.HoldingsParams): Promise<copies.HoldingsPage> {
    checkSessionKey(params.session);
    return holdings(() => this.#open(), params);
  }

  async adopt(params: copies.AdoptParams): Promise<{ readonly adopted: number }> {
    checkSessionKey(params.session);
    return this.#change(params, adopt);
  }

  async changes(params: port.ChangesParams): Promise<port.ChangesResult> {
    return this.#near((connection) => changes(connection, params));
  }

  watch(
    { after }: { readonly after: number },
    signal: AbortSignal,
  ): AsyncIterable<{ readonly position: number }> {
    checkAfter(after, positionOf(this.#open()), "the change feed");
    return this.#watch.positions(after, signal);
  }

  async sweep(params: SweepParams): Promise<SweepResult> {
    checkSweep(params);
    return this.#change(params, sweep);
  }

  async migrate(): Promise<port.MigrateResult> {
    return migrate(this.#open(), readMigrations(), this.#clock.now());
  }

  async health({ deep = false }: { readonly deep?: boolean } = {}): Promise<port.StoreHealth> {
    return health(this.#open(), this.url, deep);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queue.idle();
    this.#watch.wake();
    this.#writer?.close();
    this.#reader.close();
  }

  /** The caller may change what it passed while the write waits for its turn. */
  #change<Params extends object, Result>(
    params: Params,
    verb: (connection: Connection, params: Params, now: number) => Result,
  ): Promise<Result> {
    const own = ownCopy(params);
    return this.#write((connection) => verb(connection, own, this.#clock.now()));
  }

  #write<Result>(write: (connection: Connection) => Result, signal?: AbortSignal): Promise<Result> {
    this.#open();
    return this.#queue.submit(write, signal);
  }

  /** For what a turn asks again and again: each commit makes the reader read its pages anew, and the writer has them. */
  #near<Result>(read: (connection: Connection) => Result): Result {
    const reader = this.#open();
    if (this.#writer === undefined) return read(reader);
    try {
      return read(this.#writer);
    } catch (error) {
      // The writer never waits inside SQLite; the reader does.
      if (!isBusy(error)) throw error;
      return read(reader);
    }
  }

  #open(): Connection {
    if (this.#closed) throw closedStore(this.url);
    return this.#reader;
  }
}

// Named fields: all entries then have one shape, and a copy costs a fifth of a spread.
function ownEntry({ body, uuid, atMs }: EntryInput): EntryInput {
  return { body, uuid, atMs };
}
