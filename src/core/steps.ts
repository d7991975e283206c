import type { EntryInput } from "./entry.ts";
import { type Fields, objectIn } from "./json.ts";

/**
 * What a crash between a step's start and its result means: `idempotent` is done again with the same key, `query` asks
 * whether it was done, and `unsafe` is never done again but waits for an operator.
 */
export type StepEffect = "idempotent" | "query" | "unsafe";

/** A step of an input, the same over all its attempts. */
export interface Step {
  readonly name: string;
  readonly key: string;
  readonly effect: StepEffect;
}

/** How a step ended: with a JSON value, or with the message of what it threw. */
export type StepOutcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly message: string };

/** One entry of the journal, made by one run, or by an operator in its place. */
export type StepRecord = Step & {
  readonly run: string;
  readonly decided?: { readonly actor: string; readonly reason: string };
} & (
    | { readonly type: "started" }
    | { readonly type: "result"; readonly value?: unknown }
    | { readonly type: "failed"; readonly message: string }
  );

/** A step that began: `outcome` is absent where none was recorded. */
export interface StepState extends Step {
  /** The run that began it last. */
  readonly run: string;
  readonly outcome?: StepOutcome;
}

/** What the journal says of an input's steps. */
export interface StepJournal {
  readonly steps: ReadonlyMap<string, StepState>;
  /** Entries that could not be read: of a step that is not known they may have told the start. */
  readonly damaged: number;
}

/** What to do with a step now; `ask` and `hold`: it was started, and no result is known. */
export type StepVerdict =
  | { readonly do: "run" }
  | { readonly do: "return"; readonly outcome: StepOutcome }
  | { readonly do: "ask" }
  | { readonly do: "hold" };

/** The journal of an input that has begun no step. */
export const emptyJournal: StepJournal = { steps: new Map(), damaged: 0 };

/** The log that keeps an input's journal; it outlives the input's runs. */
export function stepLog(input: string): string {
  return `@steps/${input}`;
}

/** One entry for the journal. A value that is no JSON fails here, before anything is written. */
export function stepEntry(record: StepRecord): EntryInput {
  return { body: JSON.stringify(record) };
}

/** The journal after more of its entries, in their order. */
export function withSteps(journal: StepJournal, bodies: readonly string[]): StepJournal {
  const steps = new Map(journal.steps);
  let { damaged } = journal;
  for (const body of bodies) {
    const record = recordIn(body);
    if (record === undefined) damaged += 1;
    else steps.set(idOf(record), stateAfter(steps.get(idOf(record)), record));
  }
  return { steps, damaged };
}

/** What the journal knows of a step. */
export function stepIn(journal: StepJournal, step: Pick<Step, "name" | "key">): StepState | undefined {
  return journal.steps.get(idOf(step));
}

/** What is to be done with a step, by what is known of it and by the stricter of its effects, then and now. */
export function verdictOf(journal: StepJournal, step: Step): StepVerdict {
  const known = stepIn(journal, step);
  const outcome = known?.outcome;
  if (outcome?.ok === true) return { do: "return", outcome };
  const effect = known === undefined ? step.effect : stricter(known.effect, step.effect);
  if (known === undefined && journal.damaged === 0) return { do: "run" };
  if (effect !== "unsafe") return { do: effect === "query" ? "ask" : "run" };
  // It threw: whether it took effect nobody knows, so it is not done again, and fails as it did.
  return outcome === undefined ? { do: "hold" } : { do: "return", outcome };
}

/** The steps that were started and whose outcome nobody knows. */
export function openSteps(journal: StepJournal): readonly StepState[] {
  return [...journal.steps.values()].filter((step) => step.outcome === undefined);
}

/** Those of them that are unsafe and that this run started. */
export function unknownSteps(journal: StepJournal, run: string): readonly StepState[] {
  return openSteps(journal).filter((step) => step.effect === "unsafe" && step.run === run);
}

const strictness: Readonly<Record<StepEffect, number>> = { idempotent: 0, query: 1, unsafe: 2 };

function stricter(one: StepEffect, other: StepEffect): StepEffect {
  return strictness[one] > strictness[other] ? one : other;
}

function idOf({ name, key }: Pick<Step, "name" | "key">): string {
  return JSON.stringify([name, key]);
}

function stateAfter(before: StepState | undefined, record: StepRecord): StepState {
  if (before?.outcome?.ok === true) return before;
  const { name, key, run } = record;
  const effect = before === undefined ? record.effect : stricter(before.effect, record.effect);
  const state: StepState = { name, key, effect, run };
  if (record.type === "started") return state;
  if (record.type === "failed") return { ...state, outcome: { ok: false, message: record.message } };
  return { ...state, outcome: { ok: true, value: record.value } };
}

function recordIn(body: string): StepRecord | undefined {
  const fields = objectIn(body);
  return fields !== undefined && isRecord(fields) ? (fields as unknown as StepRecord) : undefined;
}

function isRecord({ type, name, key, effect, run, message }: Fields): boolean {
  const named = [name, key, run].every((text) => typeof text === "string");
  if (!named || typeof effect !== "string" || !Object.hasOwn(strictness, effect)) return false;
  return type === "started" || type === "result" || (type === "failed" && typeof message === "string");
}
