import { HoldfastError } from "../core/errors.ts";
import type { EntryInput } from "../core/entry.ts";
import type { Fence } from "../core/lease.ts";
import {
  openSteps,
  stepEntry,
  stepLog,
  type StepOutcome,
  type StepRecord,
  type StepState,
  withSteps,
} from "../core/steps.ts";
import type { Store } from "../core/store.ts";
import { type OpenTail, sessionOf } from "./read-tail.ts";

/** What an operator found out about a step that was started and has no result. */
export interface DecidedStep {
  /** Its name; with a colon and its key where several have that name. */
  readonly step: string;
  readonly outcome: StepOutcome;
}

export interface DecideStepsParams {
  readonly store: Store;
  readonly fence: Fence;
  readonly actor: string;
  readonly reason: string;
  readonly steps: readonly DecidedStep[];
}

/**
 * Records in the step journal how steps ended, with who says so and why, and gives the tail with that. What the journal
 * says already is not written again. @throws usage for a step that is not open
 */
export async function decideSteps(params: DecideStepsParams, tail: OpenTail): Promise<OpenTail> {
  const { store, fence, steps } = params;
  const entries = steps.flatMap((decided) => entryOf(params, tail, decided));
  if (entries.length === 0) return tail;
  const log = { ...sessionOf(tail.run), log: stepLog(tail.input.id) };
  await store.append({ log, entries, fence });
  const bodies = entries.map(({ body }) => body);
  return { ...tail, journal: withSteps(tail.journal, bodies) };
}

function entryOf(
  { actor, reason }: DecideStepsParams,
  { journal }: OpenTail,
  decided: DecidedStep,
): readonly EntryInput[] {
  const open = openSteps(journal);
  const [found, ...others] = open.filter((step) => isNamed(step, decided.step));
  if (found === undefined && [...journal.steps.values()].some((step) => isSaid(step, decided))) return [];
  if (found === undefined || others.length > 0) throw notOne(decided.step, open);
  const { name, key, effect, run } = found;
  return [stepEntry({ name, key, effect, run, decided: { actor, reason }, ...resultOf(decided.outcome) })];
}

function isNamed({ name, key }: StepState, step: string): boolean {
  return step === name || step === `${name}:${key}`;
}

// A decision that did not come to its end is made again.
function isSaid(step: StepState, { step: named, outcome }: DecidedStep): boolean {
  return isNamed(step, named) && JSON.stringify(step.outcome) === JSON.stringify(outcome);
}

function resultOf(
  outcome: StepOutcome,
): Pick<StepRecord & { readonly type: "result" }, "type" | "value"> | Failed {
  return outcome.ok ? { type: "result", value: outcome.value } : { type: "failed", message: outcome.message };
}

type Failed = Pick<StepRecord & { readonly type: "failed" }, "type" | "message">;

function notOne(step: string, open: readonly StepState[]): HoldfastError {
  const names = open.map(({ name, key }) => `${name}:${key}`);
  return new HoldfastError({
    code: "usage",
    message: `The input has no one step ${step} whose outcome is unknown.`,
    next: names.length === 0 ? "None is: leave it out." : `Name one of ${names.join(", ")}.`,
    data: { step, open: names },
  });
}
