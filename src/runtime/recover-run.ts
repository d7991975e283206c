import { type ErrorCode, isHoldfastError } from "../core/errors.ts";
import { type InputState, nextInputState } from "../core/input.ts";
import type { Fence } from "../core/lease.ts";
import { type CommitParams, countOf, type EndRunParams, type Run } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import type { HoldReason, TailVerdict } from "../core/tail-verdict.ts";
import { closersOf, eventsOf, type OpenTail, readTail, sessionOf, verdictOn } from "./read-tail.ts";
import { foldThatHolds } from "./fold-that-holds.ts";
import { type PriceOf, resumeTokenOf, usageRowsOf } from "./run-events.ts";
import { type FoldOf, takeOver } from "./take-over.ts";

export interface RecoverParams extends ExtrasParams {
  readonly store: Store;
  readonly owner: string;
  readonly leaseMs: number;
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

/** Ends or holds a run whose lease has lapsed, by its tail alone; never throws. */
export async function recoverRun(params: RecoverParams, run: Run): Promise<Reconciled> {
  try {
    return { run, ...(await recover(params, run)) };
  } catch (error) {
    return { run, ...settlementOfError(error) };
  }
}

/** What recovery would do with a run; takes no lease, and writes nothing. */
export async function foreseeRun({ store }: Pick<RecoverParams, "store">, run: Run): Promise<Reconciled> {
  try {
    const tail = await readTail({ store, run: run.id });
    return { run, ...(tail.run.state === "running" ? settlementOf(tail, verdictOn(tail)) : settled) };
  } catch (error) {
    return { run, ...settlementOfError(error) };
  }
}

/** What becomes visible beside the entries: usage, title and summary, and the token to resume with. */
export function extrasOf(
  tail: OpenTail,
  { foldOf, priceOf }: ExtrasParams,
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

interface ExtrasParams {
  readonly foldOf?: FoldOf | undefined;
  readonly priceOf?: PriceOf | undefined;
}

async function recover({ store, owner, leaseMs, ...extras }: RecoverParams, run: Run): Promise<Settlement> {
  // A run that ended since it was listed is left without a lease as well: its session is not to be taken for that.
  if ((await store.run({ run: run.id }))?.state !== "running") return settled;
  return await takeOver({ store, run, owner, leaseMs }, async (tail, fence) =>
    tail.run.state === "running" ? await act({ store, owner, leaseMs, ...extras }, tail, fence) : settled,
  );
}

async function act(params: RecoverParams, tail: OpenTail, { epoch }: Fence): Promise<Settlement> {
  const { store, owner: actor } = params;
  const verdict = verdictOn(tail);
  const { parts } = verdict;
  const end = { session: sessionOf(tail.run), run: tail.run.id, epoch, parts, actor };
  const planned = settlementOf(tail, verdict);
  if (verdict.verdict === "hold") {
    const reason = `${verdict.reason}: ${verdict.message}`;
    const { alreadyClosed } = await store.endRun({ ...end, as: "held", reason });
    return alreadyClosed ? settled : planned;
  }
  const extras = extrasOf(tail, params);
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

const settled: Settlement = { result: "skipped", because: "settled" };

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
