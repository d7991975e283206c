import type { AuditParams, AuditRow } from "../../core/audit.ts";
import { checkLimit, checkSignal, closedStore } from "../../core/checks.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { checkEntries } from "../../core/entry.ts";
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
import { changes } from "./changes.ts";
import { claim } from "./claim.ts";
import { clearLease } from "./clear-lease.ts";
import { commit } from "./commit.ts";
import { describe } from "./describe.ts";
import { drop } from "./drop.ts";
import { endRun } from "./end-run.ts";
import { health } from "./health.ts";
import { holdings } from "./holdings.ts";
import { inputs } from "./inputs.ts";
import { keys } from "./keys.ts";
import { lease } from "./lease.ts";
import { logs } from "./logs.ts";
import { migrate } from "./migrate.ts";
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
import { emptyState, type State } from "./state.ts";
import { sweep } from "./sweep.ts";
import { tail } from "./tail.ts";
import { tombstone } from "./tombstone.ts";
import { usage } from "./usage.ts";
import { tombstones } from "./tombstones.ts";
import { watch } from "./watch.ts";

/** Opens a new store that lives and dies with the process. */
export function openMemoryStore({ clock = systemClock }: { readonly clock?: Clock } = {}): port.Store {
  return new MemoryStore(emptyState(clock));
}

class MemoryStore implements port.Store {
  readonly #state: State;

  constructor(state: State) {
    this.#state = state;
  }

  get url(): string {
    return this.#state.url;
  }

  async append(params: port.AppendParams): Promise<port.AppendResult> {
    checkLogKey(params.log);
    checkEntries(params.entries);
    checkSignal(params.signal);
    return append(this.#open(), params);
  }

  async read(params: port.ReadParams): Promise<port.ReadResult> {
    checkLogKey(params.log);
    if (params.limit !== undefined) checkLimit(params.limit, Number.MAX_SAFE_INTEGER);
    return read(this.#open(), params);
  }

  async *scan(params: port.ScanParams): AsyncIterable<readonly string[]> {
    checkLogKey(params.log);
    yield* scan(this.#open(), params);
  }

  async logs(key: SessionKey): Promise<readonly port.LogRow[]> {
    checkSessionKey(key);
    return logs(this.#open(), key);
  }

  async session(key: SessionKey): Promise<port.SessionRow | null> {
    checkSessionKey(key);
    return session(this.#open(), key);
  }

  async sessions(params: port.SessionsParams = {}): Promise<port.SessionPage> {
    return sessions(this.#open(), params);
  }

  async describe(params: port.DescribeParams): Promise<port.SessionRow> {
    checkSessionKey(params.session);
    return describe(this.#open(), params);
  }

  async drop(params: port.DropParams): Promise<port.DropResult> {
    if (params.log === undefined) checkSessionKey(params.session);
    else checkLogKey({ ...params.session, log: params.log });
    return drop(this.#open(), params);
  }

  async tombstone(key: SessionKey): Promise<port.Tombstone | null> {
    checkSessionKey(key);
    return tombstone(this.#open(), key);
  }

  async acquireLease(params: leases.AcquireLeaseParams): Promise<leases.Lease> {
    checkSessionKey(params.session);
    leases.checkLease(params);
    return acquireLease(this.#open(), params);
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
    return clearLease(this.#open(), params);
  }

  async lease(key: SessionKey): Promise<leases.Lease | null> {
    checkSessionKey(key);
    return lease(this.#open(), key);
  }

  async admit(params: input.AdmitParams): Promise<input.AdmitResult> {
    checkSessionKey(params.session);
    checkInput(params);
    return admit(this.#open(), params);
  }

  async claim(params: work.ClaimParams): Promise<work.Claim | null> {
    leases.checkLease({ owner: params.worker, leaseMs: params.leaseMs });
    return claim(this.#open(), params);
  }

  async cancel(params: input.CancelParams): Promise<input.Input> {
    checkSessionKey(params.session);
    return cancel(this.#open(), params);
  }

  async requeue(params: input.RequeueParams): Promise<input.RequeueResult> {
    checkSessionKey(params.session);
    return requeue(this.#open(), params);
  }

  async inputs(params: input.InputsParams): Promise<readonly input.Input[]> {
    if (params.session !== undefined) checkSessionKey(params.session);
    return inputs(this.#open(), params);
  }

  async run(params: { readonly run: string }): Promise<work.Run | null> {
    return run(this.#open(), params);
  }

  async runs(params: work.RunsParams = {}): Promise<work.RunPage> {
    if (params.session !== undefined) checkSessionKey(params.session);
    return runs(this.#open(), params);
  }

  async tail(params: { readonly run: string }): Promise<work.Tail> {
    return tail(this.#open(), params);
  }

  async commit(params: work.CommitParams): Promise<work.CommitResult> {
    checkSessionKey(params.session);
    checkEntries(params.closers ?? []);
    return commit(this.#open(), params);
  }

  async endRun(params: work.EndRunParams): Promise<work.EndRunResult> {
    checkSessionKey(params.session);
    checkEntries(params.closers ?? []);
    return endRun(this.#open(), params);
  }

  async audit(params: AuditParams = {}): Promise<readonly AuditRow[]> {
    if (params.session !== undefined) checkSessionKey(params.session);
    return audit(this.#open(), params);
  }

  async recordUsage(params: ledger.RecordUsageParams): Promise<{ readonly added: number }> {
    checkSessionKey(params.session);
    return recordUsage(this.#open(), params);
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
    return advance(this.#open(), params);
  }

  async setProjection(params: projection.SetProjectionParams): Promise<projection.ProjectionRow> {
    return setProjection(this.#open(), params);
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
    return putBlob(this.#open(), params);
  }

  async getBlob(params: { readonly blob: string }): Promise<Uint8Array | null> {
    return getBlob(this.#open(), params);
  }

  async keys(params: copies.KeysParams = {}): Promise<readonly SessionKey[]> {
    return keys(this.#open(), params);
  }

  async holdings(params: copies.HoldingsParams): Promise<copies.HoldingsPage> {
    checkSessionKey(params.session);
    return holdings(this.#open(), params);
  }

  async adopt(params: copies.AdoptParams): Promise<{ readonly adopted: number }> {
    checkSessionKey(params.session);
    return adopt(this.#open(), params);
  }

  async changes(params: port.ChangesParams): Promise<port.ChangesResult> {
    return changes(this.#open(), params);
  }

  async *watch(
    { after }: { readonly after: number },
    signal: AbortSignal,
  ): AsyncIterable<{ readonly position: number }> {
    yield* watch(this.#open(), after, signal);
  }

  async sweep(params: SweepParams): Promise<SweepResult> {
    checkSweep(params);
    return sweep(this.#open(), params);
  }

  async migrate(): Promise<port.MigrateResult> {
    this.#open();
    return migrate();
  }

  async health(): Promise<port.StoreHealth> {
    return health(this.#open());
  }

  async close(): Promise<void> {
    this.#state.closed = true;
    for (const wake of [...this.#state.watchers]) wake();
  }

  #open(): State {
    if (this.#state.closed) throw closedStore(this.#state.url);
    return this.#state;
  }
}
