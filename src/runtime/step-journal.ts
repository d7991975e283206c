import type { Journal, StepCall } from "../core/agent.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { Claim } from "../core/run.ts";
import {
  emptyJournal,
  type Step,
  type StepEffect,
  stepEntry,
  type StepJournal,
  stepLog,
  type StepOutcome,
  type StepRecord,
  verdictOf,
  withSteps,
} from "../core/steps.ts";
import type { Store } from "../core/store.ts";

/** The journal of an input's steps, kept in a log of its own that outlives its runs; it commits at once, under the lease. */
export class StoredJournal implements Journal {
  readonly #params: StoredJournalParams;
  #loading: Promise<void> | undefined;
  #state: StepJournal = emptyJournal;
  /** The last call of each step: the next one sees what came of it. */
  readonly #calls = new Map<string, Promise<unknown>>();

  constructor(params: StoredJournalParams) {
    this.#params = params;
  }

  async step<Value>(
    name: string,
    key: string,
    effect: StepEffect,
    fn: (call: StepCall) => Promise<Value>,
  ): Promise<Value> {
    const id = JSON.stringify([name, key]);
    const before = this.#calls.get(id)?.catch(() => undefined);
    const call = Promise.resolve(before).then(() => this.#step({ name, key, effect }, fn));
    this.#calls.set(id, call);
    return await call;
  }

  async #step<Value>(step: Step, fn: (call: StepCall) => Promise<Value>): Promise<Value> {
    const { key } = step;
    await (this.#loading ??= this.#load());
    const verdict = verdictOf(this.#state, step);
    if (verdict.do === "return") return valueOf<Value>(step, verdict.outcome);
    if (verdict.do === "hold") throw stepUnknown(step);
    await this.#params.flush();
    // Both times: what is started and then not done would wait for an operator.
    this.#params.check();
    await this.#record({ ...step, type: "started", run: this.#params.claim.run.id });
    this.#params.check();
    return await this.#perform(step, () => fn({ key, ask: verdict.do === "ask" }));
  }

  async #load(): Promise<void> {
    this.#state = await readJournal(this.#params.store, this.#params.claim.input);
  }

  async #perform<Value>(step: Step, fn: () => Promise<Value>): Promise<Value> {
    const run = this.#params.claim.run.id;
    let value: Value;
    try {
      value = await fn();
    } catch (error) {
      // Holdfast's own error is about the run, not about the step: whether that took effect is not known.
      if (!isHoldfastError(error))
        await this.#record({ ...step, type: "failed", run, message: messageOf(error) });
      throw error;
    }
    await this.#record({ ...step, type: "result", run, value });
    return value;
  }

  async #record(record: StepRecord): Promise<void> {
    const { store, claim } = this.#params;
    const { project, session } = claim.run;
    const entry = stepEntry(record);
    await store.append({
      log: { project, session, log: stepLog(claim.input.id) },
      entries: [entry],
      fence: claim.lease,
      provider: claim.input.provider,
      reopen: "unsealed",
    });
    this.#state = withSteps(this.#state, [entry.body]);
  }
}

export interface StoredJournalParams {
  readonly store: Store;
  readonly claim: Claim;
  /** Makes durable what the agent said before the step. */
  readonly flush: () => Promise<void>;
  /** Refuses to go on where the lease is lost. @throws lease_lost */
  readonly check: () => void;
}

/** What is known of an input's steps. */
async function readJournal(store: Store, { project, session, id }: Claim["input"]): Promise<StepJournal> {
  let journal = emptyJournal;
  for await (const bodies of store.scan({ log: { project, session, log: stepLog(id) } }))
    journal = withSteps(journal, bodies);
  return journal;
}

// A value is what JSON kept of it; a failure is thrown again with its message alone.
function valueOf<Value>({ name }: Step, outcome: StepOutcome): Value {
  if (outcome.ok) return outcome.value as Value;
  throw new Error(outcome.message, { cause: name });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function stepUnknown({ name, key }: Step): HoldfastError {
  return new HoldfastError({
    code: "step_unknown",
    message: `The step ${name} was started by an earlier run, and whether it took effect is not known.`,
    next: "Find out, then end the run with `holdfast runs resolve --step`.",
    data: { name, key },
  });
}
