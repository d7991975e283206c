import type { Input } from "../core/input.ts";
import { checkLease, type Fence } from "../core/lease.ts";
import type { Run, RunState } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import { runClosed, runUnknown } from "../core/work-checks.ts";
import { type DecidedStep, decideSteps } from "./decide-steps.ts";
import { closersOf, type OpenTail, sessionOf } from "./read-tail.ts";
import { extrasOf } from "./recover-run.ts";
import type { PriceOf } from "./run-events.ts";
import { type FoldOf, takeOver, takeOverMs } from "./take-over.ts";

export interface ResolveRunParams {
  readonly store: Store;
  readonly run: string;
  /**
   * `commit` publishes what the run has staged, closed, as its answer; `discard` moves it to `@discarded/…` logs and gives the
   * input up; `resume` publishes it with closers behind it, and lets the input be tried again, however often it was.
   */
  readonly as: "commit" | "discard" | "resume";
  /** Who decided, and why: kept on record. */
  readonly actor: string;
  readonly reason: string;
  /** How steps ended that were started and have no result: recorded before the run is ended, so that nothing is done twice. */
  readonly steps?: readonly DecidedStep[];
  /** Who holds the lease meanwhile. */
  readonly owner: string;
  readonly leaseMs?: number;
  readonly foldOf?: FoldOf;
  readonly priceOf?: PriceOf;
}

export interface ResolveRunResult {
  readonly run: Run;
  /** What became of the input; absent where the run had ended before. */
  readonly input?: Input["state"];
  /** The run had ended so before; nothing was written now. */
  readonly alreadyClosed: boolean;
}

/** Ends a run that is held, or whose lease has lapsed, as an operator decides. @throws session_busy, run_unknown, run_closed */
export async function resolveRun(params: ResolveRunParams): Promise<ResolveRunResult> {
  const { store, owner, leaseMs = takeOverMs } = params;
  checkLease({ owner, leaseMs });
  const run = await store.run({ run: params.run });
  if (run === null) throw runUnknown(params.run);
  if (run.state === stateAfter[params.as]) return { run, alreadyClosed: true };
  if (run.state !== "running" && run.state !== "held") throw runClosed(run);
  return await takeOver({ store, run, owner, leaseMs }, async (found, fence) => {
    const tail = await decideSteps({ ...params, fence, steps: params.steps ?? [] }, found);
    return await (params.as === "commit" ? commit(params, tail, fence) : end(params, tail, fence));
  });
}

const stateAfter: Readonly<Record<ResolveRunParams["as"], RunState>> = {
  commit: "committed",
  discard: "discarded",
  resume: "interrupted",
};

async function commit(params: ResolveRunParams, tail: OpenTail, { epoch }: Fence): Promise<ResolveRunResult> {
  const { store, actor, reason } = params;
  const { id } = tail.run;
  const outcome = JSON.stringify({
    type: "result",
    ok: true,
    text: reason,
    stop: "resolved",
    actor,
    run: id,
  });
  const place = { session: sessionOf(tail.run), run: id, epoch, parts: tail.parts };
  const { alreadyCommitted } = await store.commit({
    ...place,
    ...extrasOf(tail, params),
    closers: closersOf(tail),
    outcome,
    decided: { actor, reason: onRecord(params) },
  });
  const run = (await store.run({ run: id })) ?? tail.run;
  return { run, input: "consumed", alreadyClosed: alreadyCommitted };
}

async function end(params: ResolveRunParams, tail: OpenTail, { epoch }: Fence): Promise<ResolveRunResult> {
  const { store, actor } = params;
  const reason = onRecord(params);
  const place = { session: sessionOf(tail.run), run: tail.run.id, epoch, parts: tail.parts, actor, reason };
  const extras = extrasOf(tail, params);
  const { run, input, alreadyClosed } = await store.endRun(
    params.as === "discard"
      ? { ...place, ...extras, as: "discarded", requeue: false }
      : { ...place, ...extras, as: "interrupted", requeue: "uncounted", closers: closersOf(tail) },
  );
  return { run, input: input.state, alreadyClosed };
}

function onRecord({ reason, steps = [] }: ResolveRunParams): string {
  const told = steps.map(({ step, outcome }) => `The step ${step} is ${outcome.ok ? "done" : "failed"}.`);
  return [reason, ...told].join(" ");
}
