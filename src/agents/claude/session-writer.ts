import { hostname } from "node:os";
import { type HoldfastError, isHoldfastError } from "../../core/errors.ts";
import type { LogKey, SessionKey } from "../../core/ids.ts";
import type { Lease } from "../../core/lease.ts";
import type { AppendParams, AppendResult, Store } from "../../core/store.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { type LeaseTimer, systemLeaseTimer } from "./lease-timer.ts";
import { type ClaudeBranch, LogHeads } from "./log-heads.ts";

/** Under which right a mirror writes, and who is told when it has none any more. */
export interface ClaudeLeaseOptions {
  /**
   * `auto`: take the lease of each session that is resumed or written, renew it in use, and give it back. `none`: write
   * without; what two writers say beside each other is stored, and reported. A lease: write its session under its
   * epoch, without renewing it, and others without. Default `none`.
   */
  readonly lease?: "auto" | "none" | Lease;
  /** How long after this process died another one may write, in ms; default 30,000. */
  readonly leaseMs?: number;
  /** How long after its last use a session's lease is given back, in ms; default 300,000. */
  readonly leaseIdleMs?: number;
  /** Called once when a lease is lost, before the next append is refused: stop the turn that runs. */
  readonly onLeaseLost?: (error: HoldfastError) => void;
  /** Called when a batch was stored beside what another writer had said meanwhile. */
  readonly onBranch?: (branch: ClaudeBranch) => void;
  /** Called with a sentence for whatever is wrong, a lost lease and a branch among it. */
  readonly onWarning?: (warning: string) => void;
  /** When to renew and to give back; default the machine's own time. */
  readonly leaseTimer?: LeaseTimer;
}

export interface LeaseCounters {
  /** Batches that were stored beside what another writer had said. */
  branches: number;
  leasesLost: number;
}

/** Writes the SDK's sessions under their leases, and notices what others write between. */
export class SessionWriter {
  readonly counters: LeaseCounters = { branches: 0, leasesLost: 0 };
  readonly #store: Store;
  readonly #options: ClaudeLeaseOptions;
  readonly #heads: LogHeads;
  readonly #keeper: LeaseKeeper | undefined;
  #givenIsLost = false;

  constructor(store: Store, options: ClaudeLeaseOptions) {
    this.#store = store;
    this.#options = options;
    this.#heads = new LogHeads({ store, onBranch: (branch) => this.#branched(branch) });
    if (options.lease === "auto") this.#keeper = this.#newKeeper(options);
  }

  /** @throws session_busy, lease_lost */
  append(params: AppendParams): Promise<AppendResult> {
    return this.#heads.append(params, () =>
      this.#keeper === undefined ? this.#appendUnkept(params) : this.#keeper.append(params),
    );
  }

  /** To be called before a transcript is read to go on from it, and before a session is changed. @throws session_busy */
  async open(key: SessionKey): Promise<void> {
    // Whoever asks for a session that is not there leaves no trace.
    if (this.#keeper === undefined || (await this.#store.session(key)) === null) return;
    await this.#keeper.open(key);
  }

  /** To be called after a transcript was read. */
  opened(log: LogKey, entries: number): void {
    this.#heads.stand(log, entries);
  }

  /** To be called after a drop. */
  async dropped(key: SessionKey & { readonly log?: string }): Promise<void> {
    this.#heads.removed(key);
    if (key.log === undefined) await this.release(key);
  }

  /** A message of a session has come: it is in use. */
  touch(sessionId: string): void {
    this.#keeper?.touch(sessionId);
  }

  /** Gives the lease of a session back, or all. */
  async release(key?: SessionKey): Promise<void> {
    await this.#keeper?.release(key);
  }

  async #appendUnkept(params: AppendParams): Promise<AppendResult> {
    const { lease } = this.#options;
    if (typeof lease !== "object" || !isSameSession(lease, params.log)) return this.#store.append(params);
    try {
      return await this.#store.append({ ...params, fence: { epoch: lease.epoch } });
    } catch (error) {
      if (isHoldfastError(error) && error.code === "lease_lost" && !this.#givenIsLost) {
        this.#givenIsLost = true;
        this.#lost(error);
      }
      throw error;
    }
  }

  #newKeeper({ leaseMs = 30_000, leaseIdleMs = 300_000, leaseTimer }: ClaudeLeaseOptions): LeaseKeeper {
    return new LeaseKeeper({
      store: this.#store,
      heads: this.#heads,
      owner: `claude-agent-sdk on ${hostname()}, process ${process.pid} (${crypto.randomUUID().slice(0, 8)})`,
      leaseMs,
      idleMs: leaseIdleMs,
      timer: leaseTimer ?? systemLeaseTimer,
      onLost: (error) => this.#lost(error),
    });
  }

  #lost(error: HoldfastError): void {
    this.counters.leasesLost += 1;
    tell(() => this.#options.onLeaseLost?.(error));
    tell(() => this.#options.onWarning?.(error.message));
  }

  #branched(branch: ClaudeBranch): void {
    this.counters.branches += 1;
    tell(() => this.#options.onBranch?.(branch));
    tell(() => this.#options.onWarning?.(sentenceOf(branch)));
  }
}

// A fault of the listener must not refuse a batch that is stored, which would be sent again.
function tell(listener: () => void): void {
  try {
    listener();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function sentenceOf({ session, log, from, to, besideFrom, besideTo }: ClaudeBranch): string {
  const where = log === "" ? `session ${session}` : `${log} of session ${session}`;
  return (
    `Entries ${from} to ${to} of ${where} do not go on from ${besideFrom} to ${besideTo}, which another writer stored: ` +
    "a resume shows one of the two only; `holdfast verify` names the branch."
  );
}

function isSameSession(one: SessionKey, other: SessionKey): boolean {
  return one.project === other.project && one.session === other.session;
}
