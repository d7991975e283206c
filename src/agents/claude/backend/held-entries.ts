import { randomUUID } from "node:crypto";
import type { AgentStep, TurnStore } from "../../../core/agent.ts";
import type { EntryInput } from "../../../core/entry.ts";
import type { UsageEvent } from "../../../core/event.ts";
import { isHoldfastError } from "../../../core/errors.ts";
import type { SessionKey } from "../../../core/ids.ts";
import type { RunState } from "../../../core/run.ts";
import { objectIn } from "../../../core/json.ts";
import type { Fold } from "../../../core/store.ts";
import type { UsageRow } from "../../../core/usage.ts";
import { isCloser } from "../transcript-links.ts";

type EntryStep = Extract<AgentStep, { kind: "entry" }>;

/**
 * What a process wrote when no turn took it: the notes that it makes when it rests, and how it took an interruption. It
 * is appended outside of any run, since it belongs to one that has ended; and only while nobody else has written.
 */
export class HeldEntries {
  readonly #session: SessionKey;
  #held: EntryStep[] = [];
  #used: UsageRow[] = [];
  /** The last entry of the main log that the process knows to be stored. */
  #last: string | undefined;
  #lastRun: string | undefined;
  /** The process knows of entries that no store will have. */
  #isAhead = false;

  constructor(session: SessionKey) {
    this.#session = session;
  }

  /** Takes entries, and what responses used; gives back what is neither. */
  hold(steps: readonly AgentStep[]): readonly AgentStep[] {
    return steps.filter((step) => {
      if (step.kind === "entry") this.#held.push(named(step));
      else if (step.kind === "event" && step.event.type === "usage") this.#used.push(usedBy(step.event));
      else return true;
      return false;
    });
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
  async isCurrent(store: TurnStore): Promise<boolean> {
    if (this.#isAhead) return false;
    const newest = await this.#newest(store);
    if (newest === this.#last) return true;
    // The run was interrupted, and closed in the process's stead: what it knows itself comes in its place.
    if (newest === undefined || !isCloser(objectIn(newest) ?? {})) return false;
    const { runs } = await store.runs({ session: this.#session, limit: 2 });
    return runs.find(({ state }) => state !== "running")?.id === this.#lastRun;
  }

  /** Appends what is held. @throws what the store throws; where that may pass, it is still held */
  async append(store: TurnStore, fold: Fold | undefined): Promise<void> {
    await this.#recordUsage(store);
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

  /**
   * The same while no run goes on: waits for the end of the one that the process was in, and tries again where the store
   * fails. Where another run has begun meanwhile, that is who decides about what is held.
   */
  async appendAtRest({ store, fold, signal }: AppendAtRest): Promise<void> {
    for (let pauseMs = shortestPauseMs; !signal.aborted; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      try {
        await this.#recordUsage(store);
        if (this.#held.length === 0) return;
        const state = await this.#stateOfLast(store);
        if (state !== "running") {
          const isOurs = state === "committed" || state === "interrupted";
          if (isOurs && (await this.isCurrent(store))) await this.append(store, fold);
          return;
        }
      } catch (error) {
        if (!isHoldfastError(error)) throw error;
        if (!mayPass(error)) return;
      }
      await pause(pauseMs, signal);
    }
  }

  /**
   * The same as the last thing that a process does: where the session is another one's, what is held is nobody's. A store
   * that fails is waited for less long than one that takes its time to end the run.
   */
  async appendLast(store: TurnStore, fold: Fold | undefined): Promise<void> {
    try {
      const untilMs = Date.now() + longestRunMs;
      while (
        (await this.#isLate(store, fold)) &&
        this.#held.length > 0 &&
        (await this.#stateOfLast(store)) === "running" &&
        Date.now() < untilMs
      );
      if (this.#held.length > 0 && (await this.isCurrent(store))) await this.append(store, fold);
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
    }
  }

  /** Gives the entries up; what was used is used all the same. */
  forget(): void {
    this.#held = [];
  }

  /** Appends what is held, or gives it up; true where neither was done in time. */
  async #isLate(store: TurnStore, fold: Fold | undefined): Promise<boolean> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), longestLastMs);
    await this.appendAtRest({ store, fold, signal: late.signal });
    clearTimeout(timer);
    return late.signal.aborted;
  }

  async #recordUsage(store: TurnStore): Promise<void> {
    const rows = [...this.#used];
    if (rows.length === 0) return;
    await store.recordUsage({ session: this.#session, rows });
    this.#used = this.#used.slice(rows.length);
  }

  /** Undefined where another run than the one that the process was in is the session's newest. */
  async #stateOfLast(store: TurnStore): Promise<RunState | undefined> {
    const { runs } = await store.runs({ session: this.#session, limit: 1 });
    return runs.find(({ id }) => id === this.#lastRun)?.state;
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

export interface AppendAtRest {
  readonly store: TurnStore;
  readonly fold: Fold | undefined;
  readonly signal: AbortSignal;
}

const shortestPauseMs = 20;
const longestPauseMs = 2000;
/** How long a store may fail. */
const longestLastMs = 4000;
/** How long a run may take to end behind its agent. Twice a worker's usual lease: one that is left open then is recovery's. */
const longestRunMs = 60_000;

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => resolve(), { once: true });
  await promise;
  clearTimeout(timer);
}

function usedBy({ key, model, tokens }: UsageEvent): UsageRow {
  return { key, model, tokens, atMs: Date.now(), microDollars: null };
}

// An append whose answer was lost is made again without a duplicate.
function named(step: EntryStep): EntryStep {
  const { entry } = step;
  return entry.uuid === undefined ? { ...step, entry: { ...entry, uuid: `held/${randomUUID()}` } } : step;
}

function mayPass(error: unknown): boolean {
  if (!isHoldfastError(error)) return false;
  // The lease of a run ends a moment before its turn knows of it.
  return error.retryable || error.code === "outcome_unknown" || error.code === "lease_lost";
}
