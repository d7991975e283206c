import { closedStore } from "../core/checks.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { SessionKey } from "../core/ids.ts";
import type { AppendParams, AppendResult, Store } from "../core/store.ts";
import type { Spool, SpooledBatch } from "../core/spool.ts";
import { idOf, sameAppend, SpoolSession } from "./spool-session.ts";
import type { FoldOf } from "./take-over.ts";
import { systemTimers, type Timers } from "./timers.ts";

export interface SpoolShipperParams {
  readonly store: Store;
  readonly spool: Spool;
  /** Makes the fold of batches whose own one ended with the process that they came from. */
  readonly foldOf?: FoldOf;
  /** The wait after a failure, doubled with each one that follows up to the longest; default 100 ms and 5 s. */
  readonly retryMs?: number;
  readonly longestRetryMs?: number;
  /** How long the store may take for one append, before it is sent again; default 30 s. */
  readonly answerWithinMs?: number;
  /** How often it looks for batches that an operator lets wait again; default 2 s. */
  readonly lookAgainMs?: number;
  readonly timers?: Timers;
}

/** Sends a spool's batches to the store: of each session one append at a time, in order. */
export class SpoolShipper {
  readonly #params: SpoolShipperParams & Required<Omit<SpoolShipperParams, "foldOf">>;
  readonly #sessions = new Map<string, SpoolSession>();
  readonly #ready = new Set<SpoolSession>();
  readonly #ended = new AbortController();
  #active = 0;
  #shipped = 0;
  #aside = 0;
  #retries = 0;
  #failures = 0;
  #error: unknown;

  constructor(params: SpoolShipperParams) {
    this.#params = {
      retryMs: 100,
      longestRetryMs: 5000,
      answerWithinMs: 30_000,
      lookAgainMs: 2000,
      timers: systemTimers,
      ...params,
    };
    this.#restore();
    void this.#lookAgain();
  }

  /** Entries that the store has by this process, batches that it refused, calls that failed, and why the last one did. */
  get counts(): { shipped: number; aside: number; failures: number; error?: unknown } {
    const error = this.#error === undefined ? {} : { error: this.#error };
    return { shipped: this.#shipped, aside: this.#aside, failures: this.#failures, ...error };
  }

  /** What waits. */
  get depth(): { readonly sessions: number; readonly batches: number; readonly entries: number } {
    let [sessions, batches, entries] = [0, 0, 0];
    for (const session of this.#sessions.values()) {
      sessions += session.batches > 0 ? 1 : 0;
      batches += session.batches;
      entries += session.entries;
    }
    return { sessions, batches, entries };
  }

  session(key: SessionKey): SpoolSession {
    const id = idOf(key);
    const found = this.#sessions.get(id);
    if (found !== undefined) return found;
    this.#forgetIdle();
    const made = new SpoolSession({ project: key.project, session: key.session });
    this.#sessions.set(id, made);
    return made;
  }

  isWaiting(key: SessionKey): boolean {
    return (this.#sessions.get(idOf(key))?.batches ?? 0) > 0;
  }

  /** Sends a session's batches soon. */
  ship(session: SpoolSession): void {
    if (session.isActive || session.failures > 0) return;
    this.#ready.add(session);
    this.#fill();
  }

  /** Resolves when what waits of a session now is settled. @throws spool_waiting, or why the store refused it */
  async drain(key: SessionKey): Promise<void> {
    const session = this.#sessions.get(idOf(key));
    if (session === undefined || session.batches === 0) return;
    if (this.#ended.signal.aborted) throw closedStore(this.#params.store.url);
    const drained = session.drained();
    if (!session.isActive) this.#ready.add(session);
    this.#fill();
    await drained;
  }

  async drainAll(): Promise<void> {
    const waiting = [...this.#sessions.values()].filter(({ batches }) => batches > 0);
    await Promise.all(waiting.map(({ key }) => this.drain(key)));
  }

  /** The same, but for sessions that an open run keeps closed: nobody can claim those. */
  async drainOpen(): Promise<void> {
    const waiting = [...this.#sessions.values()].filter(({ batches }) => batches > 0);
    await Promise.all(
      waiting.map(({ key }) =>
        this.drain(key).catch((error: unknown) => {
          if (!isBusySession(error)) throw error;
        }),
      ),
    );
  }

  /** Sends nothing more. */
  stop(): void {
    this.#ended.abort();
    this.#ready.clear();
    for (const session of this.#sessions.values()) session.failed(closedStore(this.#params.store.url));
  }

  #restore(): void {
    const { spool } = this.#params;
    this.#retries = spool.retries();
    for (const depth of spool.waiting()) {
      const session = this.session(depth);
      session.restore(depth);
      this.ship(session);
    }
    this.#aside = 0;
    for (const _ of spool.aside()) this.#aside += 1;
  }

  async #lookAgain(): Promise<void> {
    const { timers, lookAgainMs } = this.#params;
    const { signal } = this.#ended;
    for (;;) {
      await timers.wait(lookAgainMs, signal);
      if (signal.aborted) return;
      // A file that cannot be read now is read at the next look.
      try {
        if (this.#params.spool.retries() !== this.#retries) this.#restore();
      } catch (error) {
        this.#error = error;
      }
    }
  }

  #fill(): void {
    for (const session of this.#ready) {
      if (this.#active >= atOnce || this.#ended.signal.aborted) return;
      this.#ready.delete(session);
      this.#active += 1;
      session.isActive = true;
      void this.#shipSession(session).finally(() => {
        this.#active -= 1;
        session.isActive = false;
        if (session.batches > 0) this.ship(session);
        this.#fill();
      });
    }
  }

  async #shipSession(session: SpoolSession): Promise<void> {
    try {
      while (!this.#ended.signal.aborted) {
        const batches = this.#params.spool.next(session.key, session.lastId);
        if (batches.length === 0) return session.emptied();
        await this.#shipBatches(session, sameAppend(batches));
        session.failures = 0;
        this.#error = undefined;
      }
    } catch (error) {
      this.#failures += 1;
      this.#error = error;
      session.failures += 1;
      session.failed(waitingStill(session, error));
      void this.#tryAgain(session);
    }
  }

  async #shipBatches(session: SpoolSession, batches: readonly SpooledBatch[]): Promise<void> {
    const { spool } = this.#params;
    const ids = batches.map(({ id }) => id);
    let result: AppendResult;
    try {
      result = await this.#append(session, batches);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      await spool.setAside(ids, { code: error.code, reason: error.message });
      this.#aside += ids.length;
      if (error.code === "lease_lost")
        session.lostEpoch = Math.max(session.lostEpoch, batches[0]!.epoch ?? 0);
      // Those who wait for it hear of it before they hear that it waits no more.
      session.failed(error);
      return session.settled(batches, undefined);
    }
    await spool.remove(ids);
    this.#shipped += batches.reduce((sum, { entries }) => sum + entries.length, 0);
    session.settled(batches, result);
  }

  async #append(session: SpoolSession, batches: readonly SpooledBatch[]): Promise<AppendResult> {
    const { store, answerWithinMs } = this.#params;
    const late = new AbortController();
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.abort();
      reject(new Error("The store did not answer in time."));
    }, answerWithinMs);
    timer.unref();
    try {
      const signal = AbortSignal.any([late.signal, this.#ended.signal]);
      return await Promise.race([store.append({ ...this.#paramsOf(session, batches), signal }), promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #paramsOf({ key, folds }: SpoolSession, batches: readonly SpooledBatch[]): AppendParams {
    const { log, provider, reopen, epoch, folds: isFolded } = batches[0]!;
    const own = batches.map(({ id }) => folds.get(id)).findLast((fold) => fold !== undefined);
    const fold = isFolded
      ? (own ?? this.#params.foldOf?.({ session: key, provider: provider ?? "unknown" }))
      : undefined;
    return {
      log,
      // What is sent twice is known by its uuids.
      entries: batches.flatMap(({ name, entries }) =>
        entries.map((entry, at) => ({ ...entry, uuid: entry.uuid ?? `${name}-${at}` })),
      ),
      ...(provider === undefined ? {} : { provider }),
      ...(reopen === undefined ? {} : { reopen }),
      ...(epoch === undefined ? {} : { fence: { epoch } }),
      ...(fold === undefined ? {} : { fold }),
    };
  }

  async #tryAgain(session: SpoolSession): Promise<void> {
    const { timers, retryMs, longestRetryMs } = this.#params;
    const { signal } = this.#ended;
    if (session.willTryAgain) return;
    session.willTryAgain = true;
    await timers.wait(Math.min(longestRetryMs, retryMs * 2 ** (session.failures - 1)), signal);
    session.willTryAgain = false;
    if (signal.aborted || session.isActive) return;
    this.#ready.add(session);
    this.#fill();
  }

  /** Where a log ended is worth a call, and no more memory than this. */
  #forgetIdle(): void {
    if (this.#sessions.size < maxSessions) return;
    for (const [id, session] of this.#sessions)
      if (session.batches === 0 && !session.isActive && session.lostEpoch === 0) this.#sessions.delete(id);
  }
}

/** Sessions whose appends are under way at once. */
const atOnce = 8;
const maxSessions = 10_000;

/** What a store will never take, however often it is sent; all else may pass. */
function isRefusal(error: unknown): error is HoldfastError {
  return isHoldfastError(error) && refusals.has(error.code);
}

const refusals: ReadonlySet<string> = new Set([
  "lease_lost",
  "session_dropped",
  "invalid_key",
  "invalid_entry",
  "usage",
]);

function isBusySession(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return isHoldfastError(cause) && cause.code === "session_busy";
}

function waitingStill({ key, entries }: SpoolSession, cause: unknown): HoldfastError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HoldfastError({
    code: "spool_waiting",
    message: `${entries} entries of session ${key.session} are in the spool, and the store does not take them now: ${reason}`,
    next: "Try again; nothing is lost.",
    data: { ...key, entries },
    retryable: true,
    cause,
  });
}
