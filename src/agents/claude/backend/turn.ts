import type { AgentStep, Turn } from "../../../core/agent.ts";
import { isHoldfastError } from "../../../core/errors.ts";
import { isTerminal } from "../../../core/event.ts";
import type { LiveProcess } from "./live-process.ts";
import { processFailed } from "./live-process.ts";
import type { ProcessPool } from "./process-pool.ts";
import { type PromptContent, promptContent } from "./prompt-content.ts";
import { allowsBypass } from "./sdk-options.ts";
import { type StartOptions, startProcess } from "./start-process.ts";
import { readRequest, type TurnRequest } from "./turn-request.ts";

export interface TurnParams {
  readonly turn: Turn;
  readonly pool: ProcessPool<LiveProcess>;
  readonly start: StartOptions;
  /** How long the agent may take to stop when it is interrupted; default 4000. */
  readonly interruptMs?: number;
}

/** One turn, in the session's warm process or in a new one; its result comes last. */
export async function* playTurn({
  turn,
  pool,
  start,
  interruptMs = longestInterruptMs,
}: TurnParams): AsyncGenerator<AgentStep> {
  turn.signal.throwIfAborted();
  const request = orRefusal(() => readRequest(turn.input, { allowsBypass: allowsBypass(start) }));
  if ("steps" in request) return yield* request.steps;
  const seat = await pool.take(turn.session, turn.signal);
  try {
    await seat.live?.wake();
    if (seat.live !== undefined && !(await goesOn(seat.live, turn, request))) {
      await seat.live.close();
      seat.live = undefined;
    }
    if (seat.live === undefined) {
      const onStarted = (live: LiveProcess): void => void (seat.live = live);
      yield* startProcess({ turn, request, start, onStarted });
    } else yield inUse(seat.live);
    yield* answer(seat.live!, { turn, request, interruptMs });
  } finally {
    seat.live?.rest();
    pool.release(seat);
  }
}

/** Whether the process may take the turn: the session is as it left it, and its folder is the one that is asked for. */
async function goesOn(live: LiveProcess, turn: Turn, { cwd }: TurnRequest): Promise<boolean> {
  if (live.hasEnded || live.sessionId !== turn.resume) return false;
  if (cwd !== undefined && cwd !== live.chosen.cwd) return false;
  return await live.held.isCurrent(turn.store);
}

interface AnswerParams {
  readonly turn: Turn;
  readonly request: TurnRequest;
  readonly interruptMs: number;
}

async function* answer(live: LiveProcess, params: AnswerParams): AsyncGenerator<AgentStep> {
  const { request } = params;
  const content = await orRefused(promptContent(request, live.chosen.cwd));
  if ("steps" in content) return yield* content.steps;
  const reading = new Reading(live, params);
  try {
    yield* reading.begin();
    yield* changeChoices(live, params);
    const entry = reading.prompt(content.value);
    yield { kind: "event", event: { type: "user", text: request.prompt, entry } };
    yield* reading.toResult();
  } finally {
    await reading.end();
  }
}

/** Reads what a process gives to one turn, and leaves the process at rest, or ended. */
class Reading {
  readonly #live: LiveProcess;
  readonly #turn: Turn;
  readonly #interruptMs: number;
  readonly #stir: () => void;
  /** Nobody reads any more. */
  readonly #over = Promise.withResolvers<void>();
  /** Given, but perhaps not taken. */
  #given: AgentStep | undefined;
  /** It has a prompt whose result was not read: that may be there already. */
  #isOwed = false;

  constructor(live: LiveProcess, { turn, interruptMs }: AnswerParams) {
    this.#live = live;
    this.#interruptMs = interruptMs;
    this.#stir = () => live.steps.stir();
    this.#turn = {
      ...turn,
      journal: { step: (...step) => this.#afterAll(() => turn.journal.step(...step)) },
    };
  }

  /** What came since the last turn: entries and usage belong to what has ended, and the rest is told. */
  async *begin(): AsyncGenerator<AgentStep> {
    const { signal, store } = this.#turn;
    signal.addEventListener("abort", this.#stir, { once: true });
    const steps = this.#live.held.hold(this.#live.steps.drain());
    await this.#live.held.append(store, this.#live.fold);
    this.#live.begin(this.#turn);
    for (const step of steps) yield* this.#give(step);
  }

  /** Gives the uuid of the prompt's entry. */
  prompt(content: PromptContent): string {
    this.#isOwed = true;
    return this.#live.prompt(content);
  }

  async *toResult(): AsyncGenerator<AgentStep> {
    for (;;) {
      const step = await this.#next();
      if (step.kind === "event" && isTerminal(step.event)) {
        this.#isOwed = false;
        this.#turn.answered();
        yield* this.#atRest();
        return yield step;
      }
      yield* this.#give(step);
    }
  }

  async end(): Promise<void> {
    const { signal } = this.#turn;
    signal.removeEventListener("abort", this.#stir);
    this.#over.resolve();
    const live = this.#live;
    try {
      if (!this.#isOwed) return;
      if (this.#given !== undefined) live.held.hold([this.#given]);
      if (!signal.aborted || isLost(signal)) return await drop(live);
      await windDown(live, this.#interruptMs);
      await live.keepFiles();
    } finally {
      live.turn = undefined;
    }
  }

  /** What is left to be kept of a turn that has its result: steps that have ended, and files. */
  async *#atRest(): AsyncGenerator<AgentStep> {
    const { tools, files, folder, sessionId } = this.#live;
    // What still works in the background has no turn from now on.
    this.#live.turn = undefined;
    this.#over.resolve();
    await tools.settle();
    if (folder === undefined || sessionId === undefined) return;
    for await (const step of files.keep({ turn: this.#turn, folder, sessionId })) {
      yield* this.#give(step);
      // What is left over comes with the next turn, or when the process is closed.
      if (this.#turn.signal.aborted) return;
    }
  }

  async #next(): Promise<AgentStep> {
    const step = await this.#live.steps.next(() => {
      this.#turn.signal.throwIfAborted();
      if (this.#live.refusal !== undefined) throw this.#live.refusal.error;
    });
    if (step === undefined) throw processFailed(new Error("It ended in the middle of the turn."));
    return step;
  }

  *#give(step: AgentStep): Generator<AgentStep> {
    this.#given = step;
    yield step;
    this.#given = undefined;
    this.#live.held.taken(step, this.#turn.run);
  }

  // A call is told before its step is started: what comes from the process in one piece is read in one.
  async #afterAll<Value>(then: () => Promise<Value>): Promise<Value> {
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.race([this.#live.steps.read(), this.#over.promise]);
    return await then();
  }
}

/** Ends a process of which nothing may reach the session any more: another one may have it, or the store has failed. */
async function drop(live: LiveProcess): Promise<void> {
  await live.kill();
  live.held.hold(live.steps.drain());
  live.held.forget();
}

/** Stops the agent's answer; a process that does not stop in time is ended. What it says of it is kept for the next turn. */
async function windDown(live: LiveProcess, longestMs: number): Promise<void> {
  const timer = setTimeout(() => void live.kill(), longestMs);
  try {
    // One that came late would stop the next turn.
    if (live.isAnswering) void live.query.interrupt().catch(() => undefined);
    while (live.isAnswering) {
      const step = await live.steps.next();
      if (step === undefined) return;
      live.held.hold([step]);
    }
    // Of events nothing more is to be told: the run has ended for its readers.
    live.held.hold(live.steps.drain());
  } catch {
    // The process has ended: the next turn starts another.
  } finally {
    clearTimeout(timer);
  }
}

// Less than a worker waits for an agent that it has stopped.
const longestInterruptMs = 4000;

function isLost({ aborted, reason }: AbortSignal): boolean {
  return aborted && isHoldfastError(reason) && reason.code === "lease_lost";
}

async function* changeChoices(live: LiveProcess, { turn, request }: AnswerParams): AsyncGenerator<AgentStep> {
  const { model = live.chosen.model, permissionMode = live.chosen.permissionMode } = request;
  if (model === live.chosen.model && permissionMode === live.chosen.permissionMode) return;
  await changed(live, turn.signal, async () => {
    if (model !== live.chosen.model) await live.query.setModel(model);
    if (permissionMode !== live.chosen.permissionMode)
      await live.query.setPermissionMode(permissionMode as never);
  });
  live.chosen = {
    ...live.chosen,
    ...(model !== undefined && { model }),
    ...(permissionMode !== undefined && { permissionMode }),
  };
  yield {
    kind: "event",
    event: { type: "status", status: "settings_changed", settings: { ...live.chosen } },
  };
}

/** A process that does not answer, or refuses, is ended: what it runs with then is not known. */
async function changed(live: LiveProcess, signal: AbortSignal, change: () => Promise<void>): Promise<void> {
  const kill = (): void => void live.kill();
  signal.addEventListener("abort", kill, { once: true });
  try {
    await Promise.race([change(), live.ended]);
    signal.throwIfAborted();
  } catch (error) {
    await live.kill();
    throw error;
  } finally {
    signal.removeEventListener("abort", kill);
  }
}

function inUse({ begun, chosen }: LiveProcess): AgentStep {
  const process = begun.identity && { process: begun.identity };
  return {
    kind: "event",
    event: { type: "status", status: "process_in_use", settings: { ...chosen }, ...process },
  };
}

type Refused = { readonly steps: readonly AgentStep[] };

function orRefusal<Value extends object>(read: () => Value): Value | Refused {
  try {
    return read();
  } catch (error) {
    return refusalOf(error);
  }
}

async function orRefused<Value>(value: Promise<Value>): Promise<{ readonly value: Value } | Refused> {
  try {
    return { value: await value };
  } catch (error) {
    return refusalOf(error);
  }
}

// No other try would find another input: the turn ends with this answer.
function refusalOf(error: unknown): Refused {
  if (!isHoldfastError(error) || error.code !== "invalid_input") throw error;
  const { code, message } = error;
  return {
    steps: [
      { kind: "event", event: { type: "error", code, message } },
      { kind: "event", event: { type: "result", ok: false, text: message, stop: code } },
    ],
  };
}
