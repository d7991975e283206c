import { type Input, type InputEvent, nextInputState } from "./input.ts";
import {
  countOf,
  type EndRunParams,
  type Receipt,
  type Run,
  type RunsParams,
  type RunVerb,
  type TailPart,
} from "./run.ts";

/** The verb that ends or stops a run so. */
export function verbOf(as: EndRunParams["as"]): RunVerb {
  return ({ interrupted: "interrupt", discarded: "discard", held: "hold" } as const)[as];
}

/** The receipt of a run's boundary; `revision` is the session's before it. */
export function receiptOf(run: Run, { parts, digest, revision, atMs }: BoundaryFacts): Receipt {
  const { id, input } = run;
  return { run: id, seq: 1, digest, entries: countOf(parts), revision: revision + 1, input, atMs };
}

export interface BoundaryFacts {
  readonly parts: readonly TailPart[];
  readonly digest: string;
  readonly revision: number;
  readonly atMs: number;
}

/** The run after its commit. */
export function committedRun(run: Run, receipt: Receipt, outcome: string): Run {
  return { ...run, state: "committed", endedAtMs: receipt.atMs, outcome, receipt };
}

/** The run after it was ended or held without a commit. */
export function endedRun(run: Run, { as, reason }: Pick<EndRunParams, "as" | "reason">, atMs: number): Run {
  return { ...run, state: as, reason, ...(as === "held" ? {} : { endedAtMs: atMs }) };
}

/** The number of an input's next run, over all that began, whether they count as tries or not. */
export function nextAttempt({ id, run }: Pick<Input, "id" | "run">): number {
  return run === undefined ? 1 : Number(run.slice(id.length + 1)) + 1;
}

/** What the end of a run does to its input. */
export function endEventOf({ requeue = true }: Pick<EndRunParams, "requeue">): EndEvent {
  return requeue === "uncounted" ? "put_back" : requeue ? "requeue" : "give_up";
}

type EndEvent = "requeue" | "put_back" | "give_up";

/** The input after its run began. */
export function claimedInput(input: Input, run: string, atMs: number): Input {
  return { ...input, state: "running", attempts: input.attempts + 1, run, updatedAtMs: atMs };
}

/** The input after an event, or `null` where the event cannot happen to it; a reason is kept where it ends without an answer. */
export function inputAfter(
  input: Input,
  event: Exclude<InputEvent, "claim">,
  { atMs, reason }: { readonly atMs: number; readonly reason?: string | undefined },
): Input | null {
  const state = nextInputState(input, event);
  if (state === null) return null;
  if (event === "redispatch") return againInput(input, atMs);
  const asked = event === "cancel" && state === "running" ? { cancelRequested: true as const } : {};
  const attempts = input.attempts - (event === "put_back" ? 1 : 0);
  const after: Input = { ...input, ...asked, state, attempts, updatedAtMs: atMs };
  if (event === "commit" || state === "queued") return after;
  // Who asked for the cancel said why; what ends the run later does not replace it.
  const why = event === "cancel" ? (reason ?? input.reason) : (input.reason ?? reason);
  return why === undefined ? after : { ...after, reason: why };
}

// Its runs stay, and with them the number of the next one: only the tries begin anew.
function againInput({ reason: _, ...input }: Input, atMs: number): Input {
  return { ...input, state: "queued", attempts: 0, updatedAtMs: atMs };
}

/** One text for equal filters, which binds a page cursor of runs to its filter. */
export function runsFilterKeyOf({ session, state }: Pick<RunsParams, "session" | "state">): string {
  return JSON.stringify(["runs", session?.project ?? null, session?.session ?? null, state ?? null]);
}
