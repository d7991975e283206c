import type { Agent } from "../core/agent.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { LiveEvent, ReplayedEvent } from "../core/event.ts";
import type { SessionKey } from "../core/ids.ts";
import type { Input } from "../core/input.ts";
import type { Claim, Run } from "../core/run.ts";
import type { Lease } from "../core/lease.ts";
import type { Store } from "../core/store.ts";
import type { Ended } from "../runtime/execute.ts";
import { linkObserver } from "../runtime/links.ts";
import { lookUp } from "../runtime/look-up.ts";
import { reconcile } from "../runtime/reconcile.ts";
import { Worker } from "../runtime/worker.ts";
import type { recoveryOf } from "./recovery.ts";

export interface AttendedParams {
  readonly recovery: ReturnType<typeof recoveryOf>;
  readonly agent: Agent;
  readonly input: Input;
  /** Who asks for a cancel, on record. */
  readonly actor: string;
  readonly onBegin: (claim: Claim) => void;
  readonly onEvent: (claim: Claim, event: LiveEvent) => void;
  /** What a run shows again of the interrupted ones before it. */
  readonly onReplay?: (claim: Claim, event: ReplayedEvent) => void;
  readonly onEnd: (claim: Claim, ended: Ended) => void;
  /** Why the input does not run yet; told once each. */
  readonly onWait: (reason: string) => void;
}

/** How an attended input ended: its run is absent where it never began. */
export interface Attended {
  readonly input: Input;
  readonly run: Run | undefined;
}

/** One input that somebody waits for: run here, or by whoever takes it first, to its end. */
export class AttendedInput {
  readonly #params: AttendedParams;
  readonly #store: Store;
  readonly #session: SessionKey;
  readonly #worker: Worker;
  readonly #begun = new Set<string>();
  #told = "";
  #isCancelled = false;
  /** Why no run of the agent's can begin here. */
  #unserved: Error | undefined;

  constructor(params: AttendedParams) {
    const { recovery, agent, input, onEvent, onReplay } = params;
    const { project, session } = input;
    this.#params = params;
    this.#store = recovery.store;
    this.#session = { project, session };
    this.#worker = new Worker({
      store: recovery.store,
      agents: [agent],
      owner: recovery.owner,
      priceOf: recovery.priceOf,
      leaseMs,
      maxRuns: 1,
      observers: [linkObserver(recovery)],
      project,
      session,
      onEvent: (claim, event) => {
        this.#begin(claim);
        onEvent(claim, event);
      },
      onReplay: (claim, event) => {
        this.#begin(claim);
        onReplay?.(claim, event);
      },
      onEnd: (claim, ended) => this.#end(claim, ended),
      onUnserved: (_provider, error) => (this.#unserved = error),
      onError: (error) => this.#tell(error instanceof Error ? error.message : String(error)),
    });
  }

  /** Resolves when the input is done with, or its run is held for an operator. @throws sdk_missing, and leaves it queued */
  async ended(): Promise<Attended> {
    const working = this.#worker.run();
    try {
      for (;;) {
        const { position } = await this.#store.changes({ after: 0, limit: 1 });
        const found = await this.#look();
        if (found !== undefined) return found;
        if (this.#unserved !== undefined) throw this.#unserved;
        await this.#change(position);
      }
    } finally {
      // After a cancel nothing is waited for, not even what goes first.
      await this.#worker.stop({ cancel: this.#isCancelled });
      await working;
    }
  }

  /** Cancels the input, which stops its run wherever that is; what came to its end before stays. */
  async cancel(reason: string): Promise<void> {
    const { actor, input } = this.#params;
    this.#isCancelled = true;
    try {
      await this.#store.cancel({ session: this.#session, input: input.id, actor, reason });
    } catch (error) {
      if (!isHoldfastError(error) || error.code !== "input_closed") throw error;
    }
  }

  #begin(claim: Claim): void {
    if (this.#begun.has(claim.run.id)) return;
    this.#begun.add(claim.run.id);
    this.#params.onBegin(claim);
  }

  #end(claim: Claim, ended: Ended): void {
    this.#params.onEnd(claim, ended);
    // What is queued behind it is not this command's to run.
    if (claim.input.id === this.#params.input.id && ended.as === "committed") void this.#worker.stop();
  }

  async #look(): Promise<Attended | undefined> {
    const { input: known, recovery } = this.#params;
    const { store } = recovery;
    const { fate, input = known, run } = await lookUp({ store, session: this.#session, key: known.key });
    if (fate === "unknown") throw removed(known);
    const isOver = fate !== "in_progress" || (input.state === "running" && run?.state === "held");
    if (isOver) return { input, run };
    await this.#unblock(input);
    return undefined;
  }

  /** Ends a run that stands in the way and that nobody runs any more; says what else there is to wait for. */
  async #unblock(input: Input): Promise<void> {
    const lease = await this.#store.lease(this.#session);
    if (lease !== null) {
      if (lease.owner !== this.#params.recovery.owner) this.#tell(writtenBy(lease), lease.owner);
      return;
    }
    const blocked = await openRun(this.#store, this.#session);
    if (blocked?.state === "running") await reconcile(this.#params.recovery);
    else if (blocked !== undefined) this.#tell(heldReason(blocked));
    else if (input.state === "queued") await this.#tellOfOthers(input);
  }

  // Inputs of a session go one after another, whoever is to answer them.
  async #tellOfOthers({ id, provider }: Input): Promise<void> {
    const queued = await this.#store.inputs({ session: this.#session, state: "queued", limit: 1000 });
    const other = queued.findLast((one) => one.id !== id && one.provider !== provider);
    if (other !== undefined)
      this.#tell(`The input ${other.id} goes first, and waits for a worker of ${other.provider}.`);
  }

  #tell(reason: string, what = reason): void {
    if (this.#told === what) return;
    this.#told = what;
    this.#params.onWait(reason);
  }

  /** Waits for a change, and no longer than a lease takes to be noticed that it has run out. */
  async #change(after: number): Promise<void> {
    for await (const _ of this.#store.watch({ after }, AbortSignal.timeout(lookAgainMs))) return;
  }
}

function writtenBy({ owner, sinceMs, untilMs }: Lease): string {
  const [since, until] = [sinceMs, untilMs].map((atMs) => new Date(atMs).toISOString());
  return `The session is written by ${owner} since ${since}. If that has died, this goes on at ${until}.`;
}

function removed({ id, project, session }: Input): HoldfastError {
  return new HoldfastError({
    code: "session_dropped",
    message: `The input ${id} was removed with its session.`,
    next: "Ask again in another session.",
    data: { project, session, input: id },
  });
}

/** The run that keeps a session's inputs from being taken. */
export async function openRun(store: Store, session: SessionKey): Promise<Run | undefined> {
  for (const state of ["held", "running"] as const) {
    const { runs } = await store.runs({ session, state, limit: 1 });
    if (runs[0] !== undefined) return runs[0];
  }
  return undefined;
}

/** Why a held run keeps others waiting, and what ends it. */
export function heldReason({ id, reason = "it waits for a decision" }: Run): string {
  return `The run ${id} is held: ${reason} End it with holdfast runs resolve ${id}.`;
}

/** A process that is killed keeps its session closed for as long. */
const leaseMs = 15_000;
const lookAgainMs = 1000;
