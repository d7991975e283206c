import { randomUUID } from "node:crypto";
import type { AgentStep, TurnStore } from "../../../core/agent.ts";
import type { EntryInput } from "../../../core/entry.ts";
import { isHoldfastError } from "../../../core/errors.ts";
import type { SessionKey } from "../../../core/ids.ts";
import { objectIn } from "../../../core/json.ts";
import type { Fold } from "../../../core/store.ts";
import { isCloser } from "../transcript-links.ts";

type EntryStep = Extract<AgentStep, { kind: "entry" }>;

/**
 * What a process wrote when no turn took it: the notes that it makes when it rests, and how it took an interruption. It
 * is appended outside of any run, since it belongs to one that has ended; and only while nobody else has written.
 */
export class HeldEntries {
  readonly #session: SessionKey;
  #held: EntryStep[] = [];
  /** The last entry of the main log that the process knows to be stored. */
  #last: string | undefined;
  #lastRun: string | undefined;
  /** The process knows of entries that no store will have. */
  #isAhead = false;

  constructor(session: SessionKey) {
    this.#session = session;
  }

  hold(steps: readonly AgentStep[]): void {
    for (const step of steps) if (step.kind === "entry") this.#held.push(named(step));
  }

  /** A step was taken by a run. */
  taken(step: AgentStep, run: string): void {
    this.#lastRun = run;
    if (step.kind === "entry" && step.log === "") this.#last = step.entry.body;
  }

  /** Takes what is stored for what the process knows, as it is about to read it. */
  async learn(store: TurnStore): Promise<void> {
    this.#last = await this.#newest(store);
  }

  /** Whether the session is as the process left it: nobody else has said anything, and all that it gave was kept. */
  async isCurrent(store: TurnStore, run?: string): Promise<boolean> {
    if (this.#isAhead) return false;
    const newest = await this.#newest(store);
    if (newest === this.#last) return true;
    // The run was interrupted, and closed in the process's stead: what it knows itself comes in its place.
    if (newest === undefined || !isCloser(objectIn(newest) ?? {})) return false;
    const { runs } = await store.runs({ session: this.#session, limit: 2 });
    return runs.find(({ id }) => id !== run)?.id === this.#lastRun;
  }

  /** Appends what is held. @throws what the store throws; where that may pass, it is still held */
  async append(store: TurnStore, fold: Fold | undefined): Promise<void> {
    for (const [log, steps] of Map.groupBy(this.#held, (step) => step.log)) {
      const entries: EntryInput[] = steps.map(({ entry }) => entry);
      const params = { log: { ...this.#session, log }, entries, provider: "claude-code" };
      try {
        await store.append({ ...params, ...(log === "" && fold !== undefined && { fold }) });
      } catch (error) {
        if (!mayPass(error)) this.#giveUp();
        throw error;
      }
      const appended = new Set(steps);
      this.#held = this.#held.filter((step) => !appended.has(step));
      if (log === "") this.#last = entries.at(-1)!.body;
    }
  }

  /** The same as the last thing that a process does: where the session is another one's, what is held is nobody's. */
  async appendLast(store: TurnStore, fold: Fold | undefined): Promise<void> {
    try {
      if (this.#held.length > 0 && (await this.isCurrent(store))) await this.append(store, fold);
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
    }
  }

  forget(): void {
    this.#held = [];
  }

  #giveUp(): void {
    this.#held = [];
    this.#isAhead = true;
  }

  async #newest(store: TurnStore): Promise<string | undefined> {
    const log = { ...this.#session, log: "" };
    const { entries } = await store.read({ log, order: "desc", limit: 1 });
    return entries[0]?.body;
  }
}

// An append whose answer was lost is made again without a duplicate.
function named(step: EntryStep): EntryStep {
  const { entry } = step;
  return entry.uuid === undefined ? { ...step, entry: { ...entry, uuid: `held/${randomUUID()}` } } : step;
}

function mayPass(error: unknown): boolean {
  return isHoldfastError(error) && (error.retryable || error.code === "outcome_unknown");
}
