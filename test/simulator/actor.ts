import { HoldfastError } from "../../src/core/errors.ts";
import type { Store } from "../../src/core/store.ts";
import type { Timers } from "../../src/runtime/timers.ts";
import { actorStore, type Line, type Verb } from "./actor-store.ts";
import type { Fault, Point } from "./faults.ts";
import type { ChangeWaiter, Effect, Simulation, Timer } from "./simulation.ts";
import { detailOf, outcomeOf, said } from "./trace-text.ts";

/** One simulated process: its calls, its sense of time, and its end. */
export class Actor implements Line {
  dead = false;
  done = false;
  asleepUntilMs = 0;
  readonly name: string;
  readonly store: Store;
  readonly timers: Timers;
  readonly #simulation: Simulation;
  #sleptMs: number;

  constructor(simulation: Simulation, name: string) {
    this.#simulation = simulation;
    this.name = name;
    this.store = actorStore(this);
    this.#sleptMs = simulation.params.random.below(5_000);
    this.timers = {
      now: () => simulation.nowMs - this.#sleptMs,
      wait: (ms, signal) => this.wait(ms, signal),
    };
  }

  /** Runs the process; what it throws is its own affair. */
  begin(work: () => Promise<unknown>): void {
    this.#simulation.note(() => `${this.name} begins`);
    void work()
      .catch((error: unknown) => this.#simulation.note(() => `${this.name} ends with ${String(error)}`))
      .finally(() => (this.done = true));
  }

  crash(): void {
    this.#simulation.note(() => `${this.name} CRASHES`);
    this.dead = true;
  }

  /** Does nothing for a while; its own clock may stand still meanwhile. */
  sleep(ms: number, clock: "runs" | "stands"): void {
    this.#simulation.note(() => `${this.name} SLEEPS for ${ms} ms, its clock ${clock}`);
    this.asleepUntilMs = this.#simulation.nowMs + ms;
    if (clock === "runs") return;
    this.#sleptMs += ms;
    this.#simulation.shiftTimers(this, ms);
  }

  call(verb: Verb, params: unknown): Promise<unknown> {
    if (this.dead) return never();
    return new Promise((resolve, reject) => {
      const { plantCall } = this.#simulation.params;
      const call: Call = { verb, params: plantCall?.(verb, params) ?? params, resolve, reject };
      this.#simulation.enqueue({ actor: this, run: () => this.#deliver(call) });
    });
  }

  /** What an agent does outside the store: one moment before it and one after. */
  async outside<Value>(label: string, act: () => Value): Promise<Value> {
    await this.#moment();
    const fault = this.#faultAt("tool");
    this.#simulation.note(() => `${this.name} ${label}${fault === undefined ? "" : ` (${fault})`}`);
    if (fault === "crash_before") return await this.#die();
    if (fault !== undefined && this.#disturb(fault)) await this.#moment();
    const value = act();
    if (fault === "crash_after" || fault === "silence") return await this.#die();
    await this.#moment();
    return value;
  }

  waitForChange(seen: number, signal: AbortSignal): Promise<number | undefined> {
    if (this.dead) return never();
    if (signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        if (this.#simulation.removeWaiter(waiter)) resolve(undefined);
      };
      const waiter: ChangeWaiter = {
        actor: this,
        seen,
        tell: (position) => {
          this.#simulation.removeWaiter(waiter);
          signal.removeEventListener("abort", stop);
          const fault = this.#faultAt("watch");
          if (fault === "crash_before" || fault === "crash_after") return this.crash();
          if (fault === "error" || fault === "refusal") return reject(faultError("watch", fault));
          if (fault !== undefined) this.#disturb(fault);
          resolve(position);
        },
      };
      signal.addEventListener("abort", stop, { once: true });
      this.#simulation.addWaiter(waiter);
    });
  }

  wait(ms: number, signal: AbortSignal): Promise<void> {
    if (this.dead) return never();
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = (): void => {
        if (this.#simulation.removeTimer(timer)) resolve();
      };
      const timer: Timer = {
        actor: this,
        atMs: this.#simulation.nowMs + ms,
        fire: () => {
          this.#simulation.removeTimer(timer);
          signal.removeEventListener("abort", stop);
          resolve();
        },
      };
      signal.addEventListener("abort", stop, { once: true });
      this.#simulation.addTimer(timer);
    });
  }

  async #deliver(call: Call): Promise<void> {
    const { verb, params } = call;
    const fault = this.#faultAt(verb);
    const says = (what: () => string): void =>
      this.#simulation.note(() => `${this.name} ${verb}${detailOf(params)} ${what()}${said(fault)}`);
    if (fault === "crash_before") return (says(() => "is never sent"), this.crash());
    if (fault === "error" || fault === "refusal")
      return (says(() => "is refused"), call.reject(faultError(verb, fault)));
    if (fault === "late") return (says(() => "is sent late"), this.#deliverLate(call));
    const sleeps = fault !== undefined && this.#disturb(fault);
    if (fault === "orphan") return (says(() => "is sent late"), this.#deliverOrphan(call));
    if (!sleeps || this.#simulation.params.random.chance(0.5)) return await this.#arrive(call, fault, sleeps);
    // It was not sent yet: what it says is old when it arrives.
    this.#simulation.enqueue({ actor: this, run: () => this.#arrive(call, fault, false) });
  }

  async #arrive(call: Call, fault: Fault | undefined, sleeps: boolean): Promise<void> {
    const { verb, params } = call;
    const effect = await this.#simulation.perform(verb, params);
    this.#simulation.note(() => `${this.name} ${verb}${detailOf(params)} ${outcomeOf(effect)}${said(fault)}`);
    if (fault === "twice") this.#repeat(verb, params);
    if (fault === "crash_after") return this.crash();
    if (fault === "silence") return;
    if (fault === "lost") return call.reject(faultError(verb, "error"));
    if (fault === "lost_raw") return call.reject(new Error("read ECONNRESET"));
    const answer = (): void => answerTo(call, effect);
    if (!sleeps && this.#simulation.params.random.chance(0.65)) return answer();
    this.#simulation.enqueue({ actor: this, run: answer });
  }

  #deliverLate(call: Call): void {
    this.#repeat(call.verb, call.params);
    call.reject(faultError(call.verb, "error"));
  }

  #deliverOrphan(call: Call): void {
    this.#repeat(call.verb, call.params, 2_500);
    this.crash();
  }

  // It is on the wire, whatever becomes of its sender.
  #repeat(verb: Verb, params: unknown, afterMs?: number): void {
    const simulation = this.#simulation;
    const timer: Timer = {
      actor: simulation.wire,
      atMs: simulation.nowMs + (afterMs ?? simulation.params.random.pick([0, 0, 400, 2_500])),
      fire: async () => {
        simulation.removeTimer(timer);
        const effect = await simulation.perform(verb, params);
        simulation.note(
          () => `${this.name} ${verb}${detailOf(params)} ARRIVES AGAIN OR LATE ${outcomeOf(effect)}`,
        );
      },
    };
    simulation.addTimer(timer);
  }

  #faultAt(point: Point): Fault | undefined {
    const fault = this.#simulation.params.faults.at(point);
    if (fault !== undefined) this.#simulation.params.onFault?.(point, fault);
    return fault;
  }

  /** True where the process does not go on at once. */
  #disturb(fault: Fault): boolean {
    if (starts.has(fault)) this.#simulation.params.onStart(fault);
    if (fault !== "pause" && fault !== "suspend") return false;
    this.sleep(this.#longMs(), fault === "pause" ? "runs" : "stands");
    return true;
  }

  #longMs(): number {
    return this.#simulation.params.random.pick([100, 950, 2_000, 4_000]);
  }

  #moment(): Promise<void> {
    if (this.dead) return never();
    return new Promise((resolve) => this.#simulation.enqueue({ actor: this, run: resolve }));
  }

  #die(): Promise<never> {
    this.crash();
    return never();
  }
}

/** The call of an actor, until it is answered. */
interface Call {
  readonly verb: Verb;
  readonly params: unknown;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

const starts: ReadonlySet<Fault> = new Set<Fault>([
  "pause",
  "suspend",
  "orphan",
  "worker",
  "reconciler",
  "clear",
  "cancel",
  "resolve",
  "mirror",
  "drop",
]);

function answerTo(call: Call, effect: Effect): void {
  if ("error" in effect) call.reject(effect.error);
  else call.resolve(effect.result);
}

function never(): Promise<never> {
  return new Promise<never>(() => undefined);
}

function faultError(verb: Point, fault: "error" | "refusal"): HoldfastError {
  const retryable = fault === "error";
  return new HoldfastError({
    code: retryable ? "store_unreachable" : "store_full",
    message: `The store did not answer ${verb}.`,
    next: "This is a fault of the simulator.",
    retryable,
  });
}
