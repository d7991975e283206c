import type { Agent, AgentStep, Turn } from "../core/agent.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import {
  eventEntry,
  isLive,
  isTerminal,
  type LiveEvent,
  type ReplayedEvent,
  type ResultEvent,
  type RunEvent,
} from "../core/event.ts";
import type { EntryInput } from "../core/entry.ts";
import type { Claim, Receipt } from "../core/run.ts";
import { eventLog } from "../core/run.ts";
import { fileEntry, fileLog } from "../core/side-files.ts";
import type { Store } from "../core/store.ts";
import { greaterUsage, type UsageRow } from "../core/usage.ts";
import { type Boundary, commitRun } from "./commit-run.ts";
import { interruptRun } from "./interrupt-run.ts";
import { isOwnLog } from "../core/ids.ts";
import { inTime } from "./in-time.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { Observed } from "./observers.ts";
import { replayInterrupted } from "./replay.ts";
import { RunWriter } from "./run-writer.ts";
import { StoredJournal } from "./step-journal.ts";
import type { Timers } from "./timers.ts";
import { turnStore } from "./turn-store.ts";

/** How a claimed run ended, for its worker. */
export type Ended =
  | { readonly as: "committed"; readonly receipt: Receipt; readonly ok: boolean; readonly text: string }
  | { readonly as: "interrupted" | "discarded" | "held"; readonly reason: string }
  /** Another one has the session, or may have: recovery decides what becomes of the run. */
  | { readonly as: "lost"; readonly reason: string };

export interface ExecuteParams {
  readonly store: Store;
  readonly agent: Agent;
  readonly claim: Claim;
  readonly leaseMs: number;
  /** By the timers, before the claim was asked for. */
  readonly begunAtMs: number;
  readonly timers: Timers;
  /** Aborts when the turn is to be stopped. */
  readonly signal: AbortSignal;
  /** How long the agent may take to end after that, or after its result. */
  readonly graceMs: number;
  /** The agent did not, and may still be at work. */
  readonly onAbandoned?: (error: HoldfastError) => void;
  /** What the agent needs is not installed here: that is none of the input's tries. */
  readonly onMissing?: (error: HoldfastError) => void;
  /** What a row of usage cost; null where the model has no price. */
  readonly priceOf?: ((row: Pick<UsageRow, "model" | "atMs" | "tokens">) => number | null) | undefined;
  /** Sees each event as it comes, before its boundary: not committed, and the result only after it. */
  readonly onEvent?: (event: LiveEvent) => void;
  /** Sees what is shown again of interrupted runs, before all that happens now. */
  readonly onReplay?: (event: ReplayedEvent) => void;
  /** What harms no run and is not to be lost, such as a history that cannot be read. */
  readonly onError?: (error: unknown) => void;
  readonly observed?: Observed;
}

/** Why a turn is stopped that has done nothing wrong: its worker ends. */
export class PlannedStop extends Error {
  constructor() {
    super("The worker is being stopped.");
  }
}

/** Runs one claimed input to its boundary. Whatever the agent does, the run is ended here, or left to recovery. */
export async function executeRun(params: ExecuteParams): Promise<Ended> {
  const stop = new AbortController();
  const pass = (): void => stop.abort(params.signal.reason);
  params.signal.addEventListener("abort", pass, { once: true });
  if (params.signal.aborted) pass();
  using keeper = new LeaseKeeper({ ...params, lease: params.claim.lease, turn: stop });
  const turn = new RunningTurn(params, keeper, stop.signal);
  try {
    const result = await inTime(turn.play(), { ...params, over: turn.over });
    // What they keep is kept under the run's lease, which ends with its boundary.
    await params.observed?.settled();
    return turn.end(await commitTurn(params, result, await turn.boundary(result)));
  } catch (error) {
    if (isHoldfastError(error) && error.code === "agent_abandoned") {
      stop.abort(error);
      turn.abandon();
      params.onAbandoned?.(error);
    }
    if (isMissing(error)) params.onMissing?.(error);
    return turn.end(await endAfter(error, params, turn));
  } finally {
    params.signal.removeEventListener("abort", pass);
  }
}

async function endAfter(error: unknown, params: ExecuteParams, turn: RunningTurn): Promise<Ended> {
  const isAbandoned = isHoldfastError(error) && error.code === "agent_abandoned";
  const why = isAbandoned && turn.stopReason !== error ? `${textOf(turn.stopReason)} ` : "";
  const reason = `${why}${textOf(error)}`;
  if (isHoldfastError(error) && leftToRecovery.has(error.code)) return { as: "lost", reason };
  const as = isHoldfastError(error) && error.code === "step_unknown" ? "held" : "interrupted";
  try {
    const result = await turn.settle();
    await params.observed?.settled();
    if (result !== undefined) return await endFinished(params, turn, { result, reason });
    if (isAbandoned) await turn.say({ type: "error", code: error.code, message: reason });
    const isPlanned = as === "interrupted" && (turn.isStoppedAsPlanned || isMissing(error));
    await interruptRun(params, { as, reason, usage: turn.usage, resumeToken: turn.resumeToken, isPlanned });
    return { as, reason };
  } catch (second) {
    // The lease runs out, and recovery ends the run from what is durable.
    return { as: "lost", reason: textOf(second) };
  }
}

function isMissing(error: unknown): error is HoldfastError {
  return isHoldfastError(error) && error.code === "sdk_missing";
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface Finished {
  readonly result: Result;
  readonly reason: string;
}

/** A turn that came to its result is committed by what is stored, or, where that is refused too, kept aside: never both. */
async function endFinished(
  params: ExecuteParams,
  turn: RunningTurn,
  { result, reason }: Finished,
): Promise<Ended> {
  const { parts } = await params.store.tail({ run: params.claim.run.id });
  try {
    return await commitTurn(params, result, { ...(await turn.boundary(result)), parts });
  } catch (error) {
    if (!isHoldfastError(error) || leftToRecovery.has(error.code)) throw error;
    await interruptRun(params, { as: "discarded", reason, usage: turn.usage, resumeToken: undefined });
    return { as: "discarded", reason };
  }
}

async function commitTurn(params: ExecuteParams, { event }: Result, boundary: Boundary): Promise<Ended> {
  const receipt = await commitRun(params, boundary);
  params.onEvent?.(event);
  params.observed?.tell(event);
  return { as: "committed", receipt, ok: event.ok, text: event.text };
}

const leftToRecovery: ReadonlySet<string> = new Set([
  "lease_lost",
  "run_closed",
  "run_unknown",
  "outcome_unknown",
]);

/** What an agent ended with, and the same as its boundary publishes it. */
interface Result {
  readonly event: ResultEvent & LiveEvent;
  readonly outcome: string;
}

/** One turn of an agent, as it goes on. */
class RunningTurn {
  readonly #params: ExecuteParams;
  readonly #keeper: LeaseKeeper;
  readonly #stop: AbortSignal;
  readonly #writer: RunWriter;
  readonly #usage = new Map<string, UsageRow>();
  readonly #ended = new AbortController();
  /** Nothing of the session is stored that its agent could give again. */
  #isNew = false;
  #resumeToken: string | undefined;
  /** Its agent had its answer before it was stopped. */
  #isAnswered = false;
  #isOver = false;
  #isAbandoned = false;
  /** What it gave last, until that is stored or waits to be. */
  #taking: Promise<void> = Promise.resolve();
  #result: Result | undefined;

  constructor(params: ExecuteParams, keeper: LeaseKeeper, stop: AbortSignal) {
    this.#params = params;
    this.#keeper = keeper;
    this.#stop = stop;
    this.#writer = new RunWriter(params);
  }

  get usage(): readonly UsageRow[] {
    return [...this.#usage.values()];
  }

  get resumeToken(): string | undefined {
    return this.#resumeToken;
  }

  /** Aborts when the agent is to come to its end: it was stopped, or gave its result. */
  get over(): AbortSignal {
    return AbortSignal.any([this.#stop, this.#ended.signal]);
  }

  get stopReason(): unknown {
    return this.#stop.reason;
  }

  get isStoppedAsPlanned(): boolean {
    return this.#stop.reason instanceof PlannedStop;
  }

  /** Lets the agent work, and keeps what it gives; its result is the last. */
  async play(): Promise<Result> {
    const { agent } = this.#params;
    const replay = this.#replay();
    try {
      const turn = await this.#turn(this.#stop);
      // What it does now would be told by its own history too.
      if (agent.capabilities.nativeHistory) await replay;
      for await (const step of agent.run(turn)) {
        await replay;
        if (this.#result !== undefined) throw endedTwice(agent);
        this.#check();
        this.#taking = this.#take(step);
        await this.#taking;
      }
    } catch (error) {
      // How an agent cleans up undoes nothing of what it has ended.
      if (this.#result === undefined || isHoldfastError(error)) throw error;
    } finally {
      // Nothing is read of the run's tail while it still grows.
      await replay.catch(() => undefined);
    }
    // What has ended is not undone: a stop that comes now finds the result.
    if (this.#result !== undefined) return this.#result;
    this.#stop.throwIfAborted();
    throw endedWithoutResult(agent);
  }

  /** Of a run that is lost another one may have the session: its agent appends nothing any more. */
  end(ended: Ended): Ended {
    this.#isOver = ended.as !== "lost" && !this.#isAbandoned;
    return ended;
  }

  /** Its agent may be at work for ever: no step of it is taken, and what it appends is refused once its run has given the lease back. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /** Says in the run's own log what its agent does not. */
  async say(event: RunEvent): Promise<void> {
    const { run } = this.#params.claim;
    await this.#writer.add(eventLog(run.id), eventEntry({ run: run.id, event }));
    await this.#writer.flush();
  }

  /** What the run's boundary publishes. */
  async boundary({ outcome }: Result): Promise<Boundary> {
    const parts = await this.#writer.parts();
    return { parts, outcome, usage: this.usage, resumeToken: this.#resumeToken };
  }

  /** Waits for what is being written; gives the run's result where that is durable with all before it. */
  async settle(): Promise<Result | undefined> {
    // A result that came before its agent was abandoned may still wait for what is before it.
    await this.#taking.catch(() => undefined);
    return await this.#writer.flush().then(
      () => this.#result,
      () => undefined,
    );
  }

  /** Beside the agent's first steps, none of which is taken before it has ended. */
  #replay(): Promise<void> {
    const { id } = this.#params.claim.run;
    const write = (entry: EntryInput & { readonly uuid: string }): Promise<void> =>
      this.#writer.addOwn(eventLog(id), entry);
    const replay = replayInterrupted({ ...this.#params, signal: this.#stop, write });
    replay.catch(() => undefined);
    return replay;
  }

  async #turn(signal: AbortSignal): Promise<Turn> {
    const { store, claim, priceOf } = this.#params;
    const { project, session } = claim.run;
    const flush = (): Promise<void> => this.#writer.flush();
    const row = await store.session({ project, session });
    this.#isNew = row === null;
    const resume = row?.resumeToken;
    return {
      session: { project, session },
      run: claim.run.id,
      input: claim.input,
      attempt: claim.run.attempt,
      store: turnStore({ store, fence: claim.lease, isOver: () => this.#isOver, priceOf }),
      ...(resume == null ? {} : { resume }),
      signal,
      journal: new StoredJournal({ store, claim, flush, check: () => this.#keeper.check() }),
      flush,
      answered: () => void (this.#isAnswered ||= !signal.aborted),
      recent: async (limit) => {
        const page = { log: { project, session, log: "" }, order: "desc" as const, limit };
        return (await store.read(page)).entries.toReversed();
      },
    };
  }

  // What has its answer is stopped by the loss of its lease alone, unless nobody waits for it any more.
  #check(): void {
    if (this.#isAnswered && !this.#isAbandoned) this.#keeper.checkLease();
    else this.#keeper.check();
  }

  async #take(step: AgentStep): Promise<void> {
    if (step.kind === "entry" && isOwnLog(step.log)) throw ownLog(this.#params.agent, step.log);
    if (step.kind === "entry") return await this.#writer.add(step.log, step.entry);
    const { run } = this.#params.claim;
    if (step.kind === "file")
      return await this.#writer.add(fileLog, fileEntry({ run: run.id, file: step.file }));
    const { event } = step;
    if (!isLive(event)) throw shownAgain(this.#params.agent);
    this.#note(event);
    const isResult = isTerminal(event);
    // Recovery must not take a result for the whole where the answer that it ends did not arrive.
    const whole = isResult ? { ...event, staged: await this.#writer.counts({ isNew: this.#isNew }) } : event;
    const entry = eventEntry({ run: run.id, event: whole });
    await this.#writer.add(eventLog(run.id), entry);
    if (isResult) {
      this.#result = { event, outcome: entry.body };
      this.#ended.abort();
      return;
    }
    this.#params.onEvent?.(event);
    this.#params.observed?.tell(event);
  }

  /** What is replayed never comes here: it was counted and captured when it happened. */
  #note(event: LiveEvent): void {
    if (event.type === "status" && event.resume !== undefined) this.#resumeToken = event.resume;
    if (event.type !== "usage") return;
    const { key, model, tokens } = event;
    const atMs = this.#params.claim.run.startedAtMs;
    const row = { key, model, atMs, tokens };
    const seen = { ...row, microDollars: this.#params.priceOf?.(row) ?? null };
    const known = this.#usage.get(key);
    this.#usage.set(key, known === undefined ? seen : greaterUsage(known, seen));
  }
}

function endedWithoutResult({ name }: Agent): HoldfastError {
  return new HoldfastError({
    code: "agent_failed",
    message: `The agent ${name} stopped without a result.`,
    next: "The run is interrupted, and its input is tried again while it may be.",
  });
}

function ownLog({ name }: Agent, log: string): HoldfastError {
  return new HoldfastError({
    code: "agent_failed",
    message: `The agent ${name} gave an entry for ${log}, which is Holdfast's own.`,
    next: "Correct the agent: it gives events and steps instead.",
  });
}

function shownAgain({ name }: Agent): HoldfastError {
  return new HoldfastError({
    code: "agent_failed",
    message: `The agent ${name} gave an event as replayed.`,
    next: "Correct the agent: it gives what happens now, and history() what happened before.",
  });
}

function endedTwice({ name }: Agent): HoldfastError {
  return new HoldfastError({
    code: "agent_failed",
    message: `The agent ${name} went on after its result.`,
    next: "Correct the agent: nothing comes behind a result.",
  });
}
