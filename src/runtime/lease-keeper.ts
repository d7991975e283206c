import { isHoldfastError } from "../core/errors.ts";
import { type Lease, leaseLost } from "../core/lease.ts";
import type { Store } from "../core/store.ts";
import type { Timers } from "./timers.ts";

/**
 * Keeps a lease alive, and knows before the store says so that it may be lost: its time is counted from before the
 * call that began it, on the worker's own timer, so that a paused or cut off worker stops by itself.
 */
export class LeaseKeeper implements Disposable {
  readonly #params: LeaseKeeperParams;
  readonly #stopped = new AbortController();
  #untilMs: number;
  #isLost = false;

  constructor(params: LeaseKeeperParams) {
    this.#params = params;
    this.#untilMs = params.begunAtMs + params.leaseMs;
    void this.#renew();
    void this.#expire();
  }

  /** To be called before each effect outside the store. @throws lease_lost, and why else the turn was stopped */
  check(): void {
    this.checkLease();
    this.#params.turn.signal.throwIfAborted();
  }

  /** The same where a stop changes nothing any more. @throws lease_lost */
  checkLease(): void {
    const { lease, timers } = this.#params;
    if (timers.now() >= this.#untilMs) this.#lose();
    if (this.#isLost) throw leaseLost(lease, lease.epoch);
  }

  /** Stops the renewing, without waiting for a call that may never answer; the lease itself stays as it is. */
  [Symbol.dispose](): void {
    // A reason of its own: the default one is an error with a stack.
    this.#stopped.abort("disposed");
  }

  async #renew(): Promise<void> {
    const { store, lease, leaseMs, timers } = this.#params;
    const session = { project: lease.project, session: lease.session };
    while (await this.#waited(this.#nextWaitMs())) {
      const startedAtMs = timers.now();
      if (startedAtMs >= this.#untilMs) return this.#lose();
      try {
        await store.renewLease({ session, epoch: lease.epoch, leaseMs });
        this.#untilMs = startedAtMs + leaseMs;
      } catch (error) {
        // Anything else may pass before the time is over.
        if (isHoldfastError(error) && error.code === "lease_lost") return this.#lose();
      }
    }
  }

  // Beside the renewing: a call that does not answer must not keep the turn alive.
  async #expire(): Promise<void> {
    const leftMs = (): number => this.#untilMs - this.#params.timers.now();
    while (await this.#waited(Math.max(1, leftMs()))) if (leftMs() <= 0) return this.#lose();
  }

  #nextWaitMs(): number {
    const leftMs = this.#untilMs - this.#params.timers.now();
    return Math.max(1, Math.min(this.#params.leaseMs / 3, leftMs));
  }

  async #waited(ms: number): Promise<boolean> {
    await this.#params.timers.wait(ms, this.#stopped.signal);
    return !this.#stopped.signal.aborted;
  }

  #lose(): void {
    const { lease } = this.#params;
    this.#isLost = true;
    if (!this.#stopped.signal.aborted) this.#params.turn.abort(leaseLost(lease, lease.epoch));
  }
}

export interface LeaseKeeperParams {
  readonly store: Store;
  readonly lease: Lease;
  readonly leaseMs: number;
  /** By the timers, before the call that began the lease. */
  readonly begunAtMs: number;
  readonly timers: Timers;
  /** Aborted, with `lease_lost` as its reason, as soon as the lease is or may be lost. */
  readonly turn: AbortController;
}
