import type { AuditParams, AuditRow } from "../../core/audit.ts";
import { checkAfter, checkLimit, closedStore } from "../../core/checks.ts";
import { checkEntries } from "../../core/entry.ts";
import type * as copies from "../../core/holdings.ts";
import { checkLogKey, checkSessionKey, type SessionKey } from "../../core/ids.ts";
import type * as input from "../../core/input.ts";
import * as leases from "../../core/lease.ts";
import { ownCopy } from "../../core/own-copy.ts";
import type * as projection from "../../core/projection.ts";
import type * as work from "../../core/run.ts";
import type * as port from "../../core/store.ts";
import { checkSweep, type SweepParams, type SweepResult } from "../../core/sweep.ts";
import type * as ledger from "../../core/usage.ts";
import { checkInput } from "../../core/work-checks.ts";
import { acquireLease } from "./acquire-lease.ts";
import { admit } from "./admit.ts";
import { reserveIds } from "./adopt-input.ts";
import { adopt } from "./adopt.ts";
import { advance } from "./advance.ts";
import { append } from "./append.ts";
import { audit } from "./audit.ts";
import { getBlob, putBlob } from "./blobs.ts";
import { cancel } from "./cancel.ts";
import { changes } from "./changes.ts";
import { claim } from "./claim.ts";
import { clearLease } from "./clear-lease.ts";
import type { Client, Query } from "./client.ts";
import { commit } from "./commit.ts";
import { describe } from "./describe.ts";
import { drop } from "./drop.ts";
import { endRun } from "./end-run.ts";
import { health } from "./health.ts";
import { holdings } from "./holdings.ts";
import { inSession, type LockedSession, type Writer } from "./in-session.ts";
import { inputs } from "./inputs.ts";
import { keys } from "./keys.ts";
import { KnownLogs } from "./known-logs.ts";
import { lease } from "./lease.ts";
import { logs } from "./logs.ts";
import { migrate, readMigrations } from "./migrate.ts";
import { numberChanges } from "./number-changes.ts";
import type { Place } from "./place.ts";
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
import { SessionTurns } from "./session-turns.ts";
import { sessions } from "./sessions.ts";
import { setProjection } from "./set-projection.ts";
import { sweep } from "./sweep.ts";
import { tail } from "./tail.ts";
import { findTombstone } from "./tombstone.ts";
import { tombstones } from "./tombstones.ts";
import { usage } from "./usage.ts";
import { Staging, stagesOnly } from "./stage.ts";
import { Watch } from "./watch.ts";

/** The store on one schema of a PostgreSQL database. */
export class PostgresStore implements port.Store {
  readonly url: string;
  readonly #place: Place;
  readonly #writer: Writer;
  readonly #client: Client;
  readonly #watch: Watch;
  readonly #known: KnownLogs;
  readonly #turns = new SessionTurns();
  readonly #staging: Staging;
  #closed = false;

  constructor({ client, place, now, pollMs }: PostgresStoreParams) {
    this.url = place.url;
    this.#place = place;
    this.#client = client;
    this.#writer = { client, now };
    this.#known = new KnownLogs({ life: () => client.life });
    this.#staging = new Staging(this.#writer, this.#known);
    this.#watch = new Watch({ client, place, pollMs });
  }

  async append(params: port.AppendParams): Promise<port.AppendResult> {
    checkLogKey(params.log);
    checkEntries(params.entries);
    // The caller may change what it passed while the append is under way.
    const own = { ...params, log: { ...params.log }, entries: params.entries.map((entry) => ({ ...entry })) };
    const writer = this.#open();
    // What is staged nobody waits for.
    const staged = stagesOnly(own) ? await this.#staging.stage(own) : undefined;
    if (staged !== undefined) return staged;
    const { result, isHeard } = await this.#turns.take(own.log, own.signal, () =>
      append(writer, this.#known, own),
    );
    this.#watch.wake({ elsewhere: isHeard });
    return result;
  }

  async read(params: port.ReadParams): Promise<port.ReadResult> {
    checkLogKey(params.log);
    if (params.limit !== undefined) checkLimit(params.limit, Number.MAX_SAFE_INTEGER);
    return read(this.#query(), params);
  }

  scan(params: port.ScanParams): AsyncIterable<readonly string[]> {
    checkLogKey(params.log);
    return scan(() => this.#query(), params);
  }

  async logs(key: SessionKey): Promise<readonly port.LogRow[]> {
    checkSessionKey(key);
    return logs(this.#query(), key);
  }

  async session(key: SessionKey): Promise<port.SessionRow | null> {
    checkSessionKey(key);
    return session(this.#query(), key);
  }

  async sessions(params: port.SessionsParams = {}): Promise<port.SessionPage> {
    return sessions(this.#query(), params);
  }

  async describe(params: port.DescribeParams): Promise<port.SessionRow> {
    checkSessionKey(params.session);
    return this.#change(params.session, params, describe);
  }

  async drop(params: port.DropParams): Promise<port.DropResult> {
    checkLogKey({ ...params.session, log: params.log ?? "" });
    return this.#change(params.session, params, drop);
  }

  async tombstone(key: SessionKey): Promise<port.Tombstone | null> {
    checkSessionKey(key);
    return (await findTombstone(this.#query(), key)) ?? null;
  }

  async tombstones(params: port.TombstonesParams = {}): Promise<readonly port.Tombstone[]> {
    return tombstones(this.#query(), params);
  }

  async acquireLease(params: leases.AcquireLeaseParams): Promise<leases.Lease> {
    checkSessionKey(params.session);
    leases.checkLease(params);
    return this.#change(params.session, params, acquireLease);
  }

  async renewLease(params: leases.RenewLeaseParams): Promise<leases.Lease> {
    checkSessionKey(params.session);
    leases.checkLease({ leaseMs: params.leaseMs });
    return renewLease(this.#open(), params);
  }

  async releaseLease(params: leases.ReleaseLeaseParams): Promise<{ readonly released: boolean }> {
    checkSessionKey(params.session);
    return releaseLease(this.#open(), params);
  }

  async clearLease(params: leases.ClearLeaseParams): Promise<leases.ClearLeaseResult> {
    checkSessionKey(params.session);
    return this.#change(params.session, params, clearLease);
  }

  async lease(key: SessionKey): Promise<leases.Lease | null> {
    checkSessionKey(key);
    return lease(this.#query(), key, this.#writer.now());
  }

  async admit(params: input.AdmitParams): Promise<input.AdmitResult> {
    checkSessionKey(params.session);
    checkInput(params);
    return this.#wake(admit(this.#open(), ownCopy(params)));
  }

  async claim(params: work.ClaimParams): Promise<work.Claim | null> {
    leases.checkLease({ owner: params.worker, leaseMs: params.leaseMs });
    const claimed = await claim(this.#open(), ownCopy(params));
    if (claimed !== null) this.#watch.wake();
    return claimed;
  }

  async cancel(params: input.CancelParams): Promise<input.Input> {
    checkSessionKey(params.session);
    return this.#change(params.session, params, cancel);
  }

  async requeue(params: input.RequeueParams): Promise<input.RequeueResult> {
    checkSessionKey(params.session);
    return this.#change(params.session, params, requeue);
  }

  async inputs(params: input.InputsParams): Promise<readonly input.Input[]> {
    if (params.session !== undefined) checkSessionKey(params.session);
    return inputs(this.#query(), params);
  }

  async run(params: { readonly run: string }): Promise<work.Run | null> {
    return run(this.#query(), params);
  }

  async runs(params: work.RunsParams = {}): Promise<work.RunPage> {
    if (params.session !== undefined) checkSessionKey(params.session);
    return runs(this.#query(), params);
  }

  async tail(params: { readonly run: string }): Promise<work.Tail> {
    return tail(this.#query(), params);
  }

  async commit(params: work.CommitParams): Promise<work.CommitResult> {
    checkSessionKey(params.session);
    checkEntries(params.closers ?? []);
    return this.#wake(commit(this.#open(), this.#known, ownCopy(params)));
  }

  async endRun(params: work.EndRunParams): Promise<work.EndRunResult> {
    checkSessionKey(params.session);
    checkEntries(params.closers ?? []);
    return this.#change(params.session, params, (locked, own) => endRun(locked, this.#known, own));
  }

  async audit(params: AuditParams = {}): Promise<readonly AuditRow[]> {
    if (params.session !== undefined) checkSessionKey(params.session);
    return audit(this.#query(), params);
  }

  async recordUsage(params: ledger.RecordUsageParams): Promise<{ readonly added: number }> {
    checkSessionKey(params.session);
    return this.#change(params.session, params, recordUsage);
  }

  async usage(params: ledger.UsageParams): Promise<readonly ledger.UsageGroup[]> {
    if (params.session !== undefined) checkSessionKey(params.session);
    return usage(this.#query(), params);
  }

  async projections(): Promise<readonly projection.ProjectionRow[]> {
    return projections(this.#query());
  }

  async advance(params: projection.AdvanceParams): Promise<projection.ProjectionRow> {
    for (const { session: key } of params.documents ?? []) checkSessionKey(key);
    return advance(this.#open(), ownCopy(params));
  }

  async setProjection(params: projection.SetProjectionParams): Promise<projection.ProjectionRow> {
    return setProjection(this.#open(), ownCopy(params));
  }

  async projected(params: projection.ProjectedParams): Promise<string | null> {
    checkSessionKey(params.session);
    return projected(this.#query(), params);
  }

  async putBlob(params: port.PutBlobParams): Promise<{ readonly blob: string }> {
    checkSessionKey(params.session);
    return this.#change(params.session, params, putBlob);
  }

  async getBlob(params: { readonly blob: string }): Promise<Uint8Array | null> {
    return getBlob(this.#query(), params);
  }

  async keys(params: copies.KeysParams = {}): Promise<readonly SessionKey[]> {
    return keys(this.#query(), params);
  }

  async holdings(params: copies.HoldingsParams): Promise<copies.HoldingsPage> {
    checkSessionKey(params.session);
    return holdings(() => this.#query(), params);
  }

  async adopt(params: copies.AdoptParams): Promise<{ readonly adopted: number }> {
    checkSessionKey(params.session);
    await reserveIds(this.#open().client, params.holdings);
    return this.#change(params.session, params, adopt);
  }

  async changes(params: port.ChangesParams): Promise<port.ChangesResult> {
    return changes(this.#open().client, params);
  }

  async *watch(
    { after }: { readonly after: number },
    signal: AbortSignal,
  ): AsyncIterable<{ readonly position: number }> {
    checkAfter(after, await numberChanges(this.#open().client), "the change feed");
    yield* this.#watch.positions(after, signal);
  }

  async sweep(params: SweepParams): Promise<SweepResult> {
    checkSweep(params);
    return sweep(this.#open(), ownCopy(params));
  }

  async migrate(): Promise<port.MigrateResult> {
    return migrate(this.#open().client, this.#place, readMigrations());
  }

  async health({ deep = false }: { readonly deep?: boolean } = {}): Promise<port.StoreHealth> {
    return health(this.#open().client, this.#place, { deep });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#turns.idle();
    await this.#watch.close();
    await this.#client.close();
  }

  /** The caller may change what it passed while the write waits for the session's lock. */
  #change<Params extends object, Result>(
    key: SessionKey,
    params: Params,
    verb: (session: LockedSession, params: Params) => Promise<Result>,
  ): Promise<Result> {
    const own = ownCopy(params);
    const { project, session: name } = key;
    return this.#wake(inSession(this.#open(), { project, session: name }, (locked) => verb(locked, own)));
  }

  async #wake<Result>(written: Promise<Result>): Promise<Result> {
    const result = await written;
    this.#watch.wake();
    return result;
  }

  #query(): Query {
    return this.#open().client.query;
  }

  #open(): Writer {
    if (this.#closed) throw closedStore(this.url);
    return this.#writer;
  }
}

interface PostgresStoreParams {
  readonly client: Client;
  readonly place: Place;
  readonly now: () => number | null;
  readonly pollMs: number;
}
