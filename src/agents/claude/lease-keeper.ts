import { type HoldfastError, isHoldfastError } from "../../core/errors.ts";
import type { SessionKey } from "../../core/ids.ts";
import { type Lease, leaseLost } from "../../core/lease.ts";
import type { AppendParams, AppendResult, Store } from "../../core/store.ts";
import { type Hold, leave, newHold, type Right } from "./lease-hold.ts";
import { goneOn, heldBy, wasCleared } from "./lease-loss.ts";
import type { LeaseTimer } from "./lease-timer.ts";
import type { LogHeads } from "./log-heads.ts";
import { RecentMap } from "./recent-map.ts";
import { isBranch, linksOf, saysAnything } from "./strangers.ts";

/**
 * Holds the leases of the sessions that a mirror writes: taken at the first use, renewed while there is some, given
 * back when there is none. A lease that ended is taken again only where no other writer has gone on meanwhile.
 */
export class LeaseKeeper {
  readonly #params: LeaseKeeperParams;
  readonly #holds = new RecentMap<Hold>({
    max: 10_000,
    isFree: ({ entered, pending }) => entered === undefined && pending === 0,
  });
  #stopTimer: (() => void) | undefined;
  #ticking = false;

  constructor(params: LeaseKeeperParams) {
    this.#params = params;
  }

  /** Appends under the session's lease. @throws session_busy, lease_lost */
  async append(params: AppendParams): Promise<AppendResult> {
    const hold = this.#holdOf(params.log);
    return this.#using(hold, async () => {
      const result = (await this.#tryAppend(hold, params)) ?? (await this.#tryAppend(hold, params));
      if (result === undefined) throw this.#lose(hold, leaseLost(hold.key, hold.last!.epoch));
      return result;
    });
  }

  /** Takes the session's lease for somebody who goes on from what is stored now. @throws session_busy */
  async open(key: SessionKey): Promise<void> {
    const hold = this.#holdOf(key);
    await this.#using(hold, async () => {
      const before = await hold.entered?.catch(() => undefined);
      try {
        const live = before !== undefined && (await this.#renew(hold, before));
        (live ? before : await this.#enter(hold, { anew: true })).unchecked = false;
        hold.lossTold = false;
      } catch (error) {
        if (before !== undefined && hasCode(error, "session_busy")) this.#lose(hold, heldBy(before, error));
        throw error;
      }
    });
  }

  /** Notices that a session, of whatever project, is in use. */
  touch(sessionId: string): void {
    for (const hold of this.#holds.values())
      if (hold.key.session === sessionId) hold.usedAtMs = this.#params.timer.now();
  }

  /** Gives the lease of a session back, or all. */
  async release(key?: SessionKey): Promise<void> {
    const holds = key === undefined ? this.#holds.values() : [this.#holdOf(key)];
    await Promise.all(holds.map((hold) => this.#end(hold)));
    this.#stopIfIdle();
  }

  /** Undefined: the lease has ended, and nothing was written. */
  async #tryAppend(hold: Hold, params: AppendParams): Promise<AppendResult | undefined> {
    const right = await this.#enter(hold);
    if (right.unchecked) await this.#checkBranch(hold, right, params);
    try {
      const result = await this.#params.store.append({ ...params, fence: { epoch: right.lease.epoch } });
      hold.lossTold = false;
      return result;
    } catch (error) {
      if (!hasCode(error, "lease_lost")) throw error;
      leave(hold, right);
      return undefined;
    }
  }

  async #checkBranch(hold: Hold, right: Right, { log, entries }: AppendParams): Promise<void> {
    const strangers = await this.#params.heads.strangers({ ...hold.key, log: "" });
    if (!saysAnything(strangers)) return void (right.unchecked = false);
    const refused = log.log === "" ? isBranch(strangers, entries) : saysAnything(linksOf(entries));
    if (!refused) return;
    await this.#end(hold);
    throw this.#lose(hold, goneOn(right.lease));
  }

  #enter(hold: Hold, { anew = false } = {}): Promise<Right> {
    if (hold.entered !== undefined) return hold.entered;
    const entered = this.#begin(hold, anew ? undefined : hold.last);
    hold.entered = entered;
    entered.catch(() => {
      if (hold.entered === entered) hold.entered = undefined;
    });
    return entered;
  }

  async #begin(hold: Hold, last: Lease | undefined): Promise<Right> {
    const { store, heads, timer } = this.#params;
    await hold.ending;
    const startedAtMs = timer.now();
    const lease = await this.#acquire(hold, last);
    try {
      if (last !== undefined && (await wasCleared(store, last, lease)))
        throw this.#lose(hold, leaseLost(hold.key, last.epoch));
      await heads.standAtEnd({ ...hold.key, log: "" });
    } catch (error) {
      await this.#giveBack(hold, lease);
      throw error;
    }
    hold.last = lease;
    hold.renewedAtMs = startedAtMs;
    hold.right = { lease, unchecked: true };
    this.#stopTimer ??= timer.every(Math.ceil(this.#params.leaseMs / 3), () => this.#tick());
    return hold.right;
  }

  async #acquire(hold: Hold, last: Lease | undefined): Promise<Lease> {
    const { store, owner, leaseMs } = this.#params;
    try {
      return await store.acquireLease({ session: hold.key, owner, leaseMs });
    } catch (error) {
      if (!hasCode(error, "session_busy")) throw error;
      // The owner is this writer's alone: an earlier try was answered with an error and succeeded all the same.
      const live = await store.lease(hold.key);
      if (live?.owner === owner) return live;
      throw last === undefined ? error : this.#lose(hold, heldBy({ lease: last }, error));
    }
  }

  async #tick(): Promise<void> {
    if (this.#ticking) return;
    this.#ticking = true;
    try {
      await Promise.all(this.#holds.values().map((hold) => this.#tend(hold)));
    } finally {
      this.#ticking = false;
    }
    this.#stopIfIdle();
  }

  async #tend(hold: Hold): Promise<void> {
    const { timer, idleMs, leaseMs } = this.#params;
    const { right } = hold;
    if (right === undefined) return;
    const startedAtMs = timer.now();
    if (hold.pending === 0 && startedAtMs - hold.usedAtMs >= idleMs) return this.#end(hold);
    try {
      if (!(await this.#renew(hold, right))) await this.#regain(hold);
      hold.renewedAtMs = startedAtMs;
      hold.lossTold = false;
    } catch (error) {
      if (hasCode(error, "store_closed")) return leave(hold, right);
      // Any other fault may pass before the lease is over, but not after.
      if (hold.right !== right || startedAtMs - hold.renewedAtMs >= leaseMs)
        this.#lose(hold, leaseLost(hold.key, right.lease.epoch));
    }
  }

  // Nobody waits for the answer here: it is better known now than after the next model call.
  async #regain(hold: Hold): Promise<void> {
    const { lease } = await this.#enter(hold);
    if (!saysAnything(await this.#params.heads.strangers({ ...hold.key, log: "" }))) return;
    await this.#end(hold);
    throw this.#lose(hold, goneOn(lease));
  }

  async #renew(hold: Hold, right: Right): Promise<boolean> {
    const { store, leaseMs } = this.#params;
    try {
      await store.renewLease({ session: hold.key, epoch: right.lease.epoch, leaseMs });
      return true;
    } catch (error) {
      if (!hasCode(error, "lease_lost")) throw error;
      leave(hold, right);
      return false;
    }
  }

  async #end(hold: Hold): Promise<void> {
    const right = await hold.entered?.catch(() => undefined);
    if (right === undefined || hold.right !== right) return;
    leave(hold, right);
    await this.#giveBack(hold, right.lease);
  }

  // One that cannot be given back runs out.
  async #giveBack(hold: Hold, { epoch }: Lease): Promise<void> {
    hold.ending = this.#params.store.releaseLease({ session: hold.key, epoch }).then(noop, noop);
    await hold.ending;
  }

  #lose(hold: Hold, error: HoldfastError): HoldfastError {
    if (!hold.lossTold) this.#params.onLost(error);
    hold.lossTold = true;
    return error;
  }

  async #using<Result>(hold: Hold, action: () => Promise<Result>): Promise<Result> {
    hold.pending += 1;
    try {
      return await action();
    } finally {
      hold.pending -= 1;
      hold.usedAtMs = this.#params.timer.now();
    }
  }

  #holdOf(key: SessionKey): Hold {
    return this.#holds.use(idOf(key), () => newHold(key, this.#params.timer.now()));
  }

  #stopIfIdle(): void {
    if (this.#holds.values().some(({ entered }) => entered !== undefined)) return;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }
}

export interface LeaseKeeperParams {
  readonly store: Store;
  readonly heads: LogHeads;
  /** Unique to this writer. */
  readonly owner: string;
  readonly leaseMs: number;
  readonly idleMs: number;
  readonly timer: LeaseTimer;
  /** Called once for each loss, as soon as it is known. */
  readonly onLost: (error: HoldfastError) => void;
}

function hasCode(error: unknown, code: HoldfastError["code"]): error is HoldfastError {
  return isHoldfastError(error) && error.code === code;
}

function idOf({ project, session }: SessionKey): string {
  return JSON.stringify([project, session]);
}

function noop(): void {}
