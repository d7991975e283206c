import { checkLimit } from "../core/checks.ts";
import { type ErrorCode, isHoldfastError } from "../core/errors.ts";
import { type InputState, nextInputState } from "../core/input.ts";
import { checkLease, type Fence } from "../core/lease.ts";
import { type CommitParams, countOf, type EndRunParams, type Run, type RunState } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import type { HoldReason, TailVerdict } from "../core/tail-verdict.ts";
import { closersOf, eventsOf, type OpenTail, readTail, sessionOf, verdictOn } from "./read-tail.ts";
import { foldThatHolds } from "./fold-that-holds.ts";
import { type PriceOf, resumeTokenOf, usageRowsOf } from "./run-events.ts";
import { type FoldOf, takeOver, takeOverMs } from "./take-over.ts";

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
  readonly onProgress?: (done: Reconciled) => void;
}

/** What recovery did, or in a dry run would do. */
export interface ReconcileReport {
  readonly dryRun: boolean;
  /** Runs in the state `running` that were looked at, and those of them whose session's lease is live. */
  readonly looked: number;
  readonly live: number;
  /** The others, newest first. */
  readonly runs: readonly Reconciled[];
  /** How many runs wait for an operator now. */
  readonly held: number;
  /** The limit was reached, and there are more. */
  readonly more: boolean;
}

/** A run whose lease has lapsed, as it was found, and what became of it. */
export type Reconciled = { readonly run: Run } & Settlement;

type Settlement =
  | { readonly result: "committed"; readonly entries: number }
  | { readonly result: "interrupted"; readonly closers: number; readonly input: InputState }
  | { readonly result: "held"; readonly reason: HoldReason; readonly message: string }
  /** `leased`: another one has taken it over; `settled`: it ended or was held in between. */
  | { readonly result: "skipped"; readonly because: "leased" | "settled" }
  | { readonly result: "failed"; readonly code: ErrorCode | "unexpected"; readonly message: string };

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
  readonly runs: Reconciled[] = [];
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

  async #settle(run: Run): Promise<Reconciled> {
    try {
      return { run, ...(this.#dryRun ? await this.#foresee(run) : await this.#recover(run)) };
    } catch (error) {
      return { run, ...settlementOfError(error) };
    }
  }

  async #foresee(run: Run): Promise<Settlement> {
    const tail = await readTail({ store: this.#params.store, run: run.id });
    return tail.run.state === "running" ? settlementOf(tail, verdictOn(tail)) : settled;
  }

  async #recover(run: Run): Promise<Settlement> {
    const { store, owner } = this.#params;
    // A run that ended since it was listed is left without a lease as well: its session is not to be taken for that.
    if ((await store.run({ run: run.id }))?.state !== "running") return settled;
    return await takeOver({ store, run, owner, leaseMs: this.#leaseMs }, async (tail, fence) =>
      tail.run.state === "running" ? await this.#act(tail, fence) : settled,
    );
  }

  async #act(tail: OpenTail, { epoch }: Fence): Promise<Settlement> {
    const { store, owner: actor } = this.#params;
    const verdict = verdictOn(tail);
    const { parts } = verdict;
    const end = { session: sessionOf(tail.run), run: tail.run.id, epoch, parts, actor };
    const planned = settlementOf(tail, verdict);
    if (verdict.verdict === "hold") {
      const reason = `${verdict.reason}: ${verdict.message}`;
      const { alreadyClosed } = await store.endRun({ ...end, as: "held", reason });
      return alreadyClosed ? settled : planned;
    }
    const extras = extrasOf(tail, this.#params);
    if (verdict.verdict === "commit") {
      const decided = { actor, reason: lapsedReason(tail.run) };
      const { alreadyCommitted } = await store.commit({
        ...end,
        ...extras,
        decided,
        outcome: verdict.outcome,
      });
      return alreadyCommitted ? settled : planned;
    }
    const closers = closersOf(tail);
    const reason = lapsedReason(tail.run);
    const ended = await store.endRun({ ...end, ...extras, as: "interrupted", reason, closers });
    if (ended.alreadyClosed) return settled;
    return { result: "interrupted", closers: closers.length, input: ended.input.state };
  }
}

const settled: Settlement = { result: "skipped", because: "settled" };

/** What becomes visible beside the entries: usage, title and summary, and the token to resume with. */
export function extrasOf(
  tail: OpenTail,
  { foldOf, priceOf }: Pick<ReconcileParams, "foldOf" | "priceOf">,
): Pick<CommitParams & EndRunParams, "usage" | "fold" | "resumeToken"> {
  const events = eventsOf(tail);
  const fold = foldOf?.({ session: sessionOf(tail.run), provider: tail.input.provider });
  const resumeToken = tail.cleared ? undefined : resumeTokenOf(events);
  return {
    usage: usageRowsOf(tail.run, events, priceOf),
    ...(fold === undefined ? {} : { fold: foldThatHolds(fold) }),
    ...(resumeToken === undefined ? {} : { resumeToken }),
  };
}

function settlementOf(tail: OpenTail, verdict: TailVerdict): Settlement {
  if (verdict.verdict === "commit") return { result: "committed", entries: countOf(verdict.parts) };
  if (verdict.verdict === "hold") {
    const { reason, message } = verdict;
    return { result: "held", reason, message };
  }
  const input = nextInputState(tail.input, "requeue") ?? tail.input.state;
  return { result: "interrupted", closers: closersOf(tail).length, input };
}

function lapsedReason({ worker }: Run): string {
  return `The lease of ${worker} lapsed before the run was ended.`;
}

function settlementOfError(error: unknown): Settlement {
  if (!isHoldfastError(error)) return { result: "failed", code: "unexpected", message: String(error) };
  const { code, message } = error;
  if (code === "session_busy") return { result: "skipped", because: "leased" };
  return endedElsewhere.has(code) ? settled : { result: "failed", code, message };
}

/** What is said of a run that another one ended or dropped in between. */
const endedElsewhere: ReadonlySet<ErrorCode> = new Set([
  "run_closed",
  "run_unknown",
  "session_dropped",
  "commit_conflict",
]);

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
