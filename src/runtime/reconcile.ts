import { checkLimit } from "../core/checks.ts";
import { checkLease } from "../core/lease.ts";
import type { Run, RunState } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import { type FoundLeftovers, leftoversOf, type LeftoversOf } from "./leftovers.ts";
import { sessionOf } from "./read-tail.ts";
import { foreseeRun, recoverRun, type Reconciled } from "./recover-run.ts";
import type { PriceOf } from "./run-events.ts";
import { type FoldOf, takeOverMs } from "./take-over.ts";

export interface ReconcileParams {
  readonly store: Store;
  /** Who recovers: the owner of its leases, and the actor on record. */
  readonly owner: string;
  /** How long a run may take that is being recovered, between two pages of its tail; default 60,000. */
  readonly leaseMs?: number;
  /** Tells what would be done: takes no lease, and writes nothing. */
  readonly dryRun?: boolean;
  /** Ends or holds no more runs than this; default all. */
  readonly limit?: number;
  readonly foldOf?: FoldOf;
  /** As the worker prices what its runs use; default: not at all. */
  readonly priceOf?: PriceOf;
  /** Names what a run has left at work on this machine; default: nobody looks. */
  readonly leftoversOf?: LeftoversOf;
  readonly onProgress?: (done: Settled) => void;
}

/** What became of a run, with the processes that it has left at work here: none of them is ended. */
export type Settled = Reconciled & FoundLeftovers;

/** What recovery did, or in a dry run would do. */
export interface ReconcileReport {
  readonly dryRun: boolean;
  /** Runs in the state `running` that were looked at, and those of them whose session's lease is live. */
  readonly looked: number;
  readonly live: number;
  /** The others, newest first. */
  readonly runs: readonly Settled[];
  /** How many runs wait for an operator now. */
  readonly held: number;
  /** The limit was reached, and there are more. */
  readonly more: boolean;
}

/**
 * Ends the runs that nobody runs any more: those whose lease has lapsed by the store's clock. What one run's fault is
 * stays with that run. Doing it twice, or in many places at once, does it once.
 */
export async function reconcile(params: ReconcileParams): Promise<ReconcileReport> {
  const { store, owner, leaseMs = takeOverMs, dryRun = false, limit = Number.MAX_SAFE_INTEGER } = params;
  checkLease({ owner, leaseMs });
  checkLimit(limit, Number.MAX_SAFE_INTEGER);
  const recovery = new Recovery(params, { leaseMs, dryRun, limit });
  await recovery.runAll();
  const { looked, live, runs, more } = recovery;
  return { dryRun, looked, live, runs, held: await countHeld(store), more };
}

/** Runs recovered at once: their writes share transactions. */
const atOnce = 16;

class Recovery {
  looked = 0;
  live = 0;
  more = false;
  readonly runs: Settled[] = [];
  readonly #params: ReconcileParams;
  readonly #leaseMs: number;
  readonly #dryRun: boolean;
  #left: number;
  #batch: Run[] = [];

  constructor(
    params: ReconcileParams,
    options: { readonly leaseMs: number; readonly dryRun: boolean; readonly limit: number },
  ) {
    this.#params = params;
    this.#leaseMs = options.leaseMs;
    this.#dryRun = options.dryRun;
    this.#left = options.limit;
  }

  async runAll(): Promise<void> {
    for await (const run of this.#lapsed()) {
      if (this.#left === 0) {
        this.more = true;
        return;
      }
      this.#batch.push(run);
      if (this.#batch.length >= Math.min(atOnce, this.#left)) await this.#settleBatch();
    }
    await this.#settleBatch();
  }

  async *#lapsed(): AsyncGenerator<Run> {
    const { store } = this.#params;
    for await (const page of pagesOf(store, "running")) {
      for (const run of page) {
        this.looked += 1;
        const live = (await store.lease(sessionOf(run))) !== null;
        if (live) this.live += 1;
        else yield run;
      }
    }
  }

  async #settleBatch(): Promise<void> {
    const settled = await Promise.all(this.#batch.splice(0).map((run) => this.#settle(run)));
    for (const one of settled) {
      this.runs.push(one);
      // What fails does not use up the limit, or it would keep the others from their turn.
      if (one.result !== "failed" && one.result !== "skipped") this.#left -= 1;
      this.#params.onProgress?.(one);
    }
  }

  async #settle(run: Run): Promise<Settled> {
    // Before it is ended: what is staged may be put aside.
    const found = await leftoversOf({ store: this.#params.store, find: this.#params.leftoversOf }, run);
    const done = this.#dryRun
      ? await foreseeRun(this.#params, run)
      : await recoverRun({ ...this.#params, leaseMs: this.#leaseMs }, run);
    return { ...done, ...found };
  }
}

async function countHeld(store: Store): Promise<number> {
  let count = 0;
  for await (const page of pagesOf(store, "held")) count += page.length;
  return count;
}

async function* pagesOf(store: Store, state: RunState): AsyncGenerator<readonly Run[]> {
  let cursor: string | undefined;
  do {
    const page = await store.runs({ state, limit: 1000, ...(cursor === undefined ? {} : { cursor }) });
    yield page.runs;
    cursor = page.cursor;
  } while (cursor !== undefined);
}
