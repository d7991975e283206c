import type { Clock } from "../../src/core/clock.ts";
import type { ScanParams, Store } from "../../src/core/store.ts";
import type { Verb } from "./actor-store.ts";
import { type Fault, type FaultPlan, type Point, writing } from "./faults.ts";
import type { Random } from "./random.ts";

/** An invariant that did not hold. */
export class Violation extends Error {}

export interface Effect {
  readonly verb: Verb;
  readonly params: unknown;
  readonly nowMs: number;
  readonly result?: unknown;
  readonly error?: unknown;
}

export interface SimulationParams {
  readonly random: Random;
  readonly faults: FaultPlan;
  /** The store that all processes share, on this simulation's clock. */
  readonly open: (options: { readonly clock: Clock }) => Store;
  /** Sees each call that reached the store, right after it took effect or was refused. */
  readonly onEffect: (effect: Effect) => Promise<void>;
  /** Begins another process at this moment. */
  readonly onStart: (fault: Fault) => void;
  readonly plantCall?: PlantCall | undefined;
  readonly trace?: ((line: string) => void) | undefined;
  /** Counts where which fault struck. */
  readonly onFault?: ((point: Point, fault: Fault) => void) | undefined;
}

/** Changes what the runtime asks of the store, to prove that this is noticed. */
export type PlantCall = (verb: Verb, params: unknown) => unknown;

/** Everything that waits, in one place: who goes on next, and when, is drawn from the seed. */
export class Simulation {
  nowMs = 1_767_225_600_000;
  steps = 0;
  readonly store: Store;
  readonly params: SimulationParams;
  #ready: Item[] = [];
  #timers: Timer[] = [];
  readonly #waiters = new Set<ChangeWaiter>();
  /** What is under way belongs to no process any more. */
  readonly wire: Owner = { dead: false, asleepUntilMs: 0 };
  #position = 0;
  #violation: Error | undefined;

  constructor(params: SimulationParams) {
    this.params = params;
    this.store = params.open({ clock: { now: () => this.nowMs } });
  }

  /** Lets one thing happen; false: nothing can, ever again. @throws Violation */
  async step(): Promise<boolean> {
    const { random } = this.params;
    const item = this.#next();
    if (item === undefined) return this.#passTime();
    this.steps += 1;
    if (random.chance(0.3)) this.nowMs += random.below(8);
    await item.run();
    await settled();
    if (this.#violation !== undefined) throw this.#violation;
    return true;
  }

  /** Ends the schedule, from a place that has nobody to throw to. */
  fail(violation: Error): void {
    this.#violation ??= violation;
  }

  note(line: () => string): void {
    this.params.trace?.(`${String(this.nowMs - epochMs).padStart(7)} ms  ${line()}`);
  }

  /** Something that can happen at any time from now on. */
  enqueue(item: Item): void {
    this.#ready.push(item);
  }

  addTimer(timer: Timer): void {
    this.#timers.push(timer);
  }

  removeTimer(timer: Timer): boolean {
    const at = this.#timers.indexOf(timer);
    if (at !== -1) this.#timers.splice(at, 1);
    return at !== -1;
  }

  addWaiter(waiter: ChangeWaiter): void {
    this.#waiters.add(waiter);
  }

  removeWaiter(waiter: ChangeWaiter): boolean {
    return this.#waiters.delete(waiter);
  }

  /** The actor's sleep does not count for it. */
  shiftTimers(actor: Owner, ms: number): void {
    for (const timer of this.#timers) if (timer.actor === actor) timer.atMs += ms;
  }

  /** Makes a call at the store itself, and shows its effect to the witness. */
  async perform(verb: Verb, params: unknown): Promise<Effect> {
    const base = { verb, params, nowMs: this.nowMs };
    let effect: Effect;
    try {
      effect = { ...base, result: await this.#ask(verb, params) };
    } catch (error) {
      effect = { ...base, error };
    }
    if (writing.has(verb)) await this.params.onEffect(effect);
    return effect;
  }

  /** Nothing is on its way any more but what sleeping or dead processes wait for. */
  get isQuiet(): boolean {
    return !this.#timers.some(({ actor }) => actor === this.wire);
  }

  set position(position: number) {
    this.#position = position;
  }

  async #ask(verb: Verb, params: unknown): Promise<unknown> {
    if (verb === "scan") return await piecesOf(this.store.scan(params as ScanParams));
    return await (this.store[verb] as (params: unknown) => Promise<unknown>)(params);
  }

  #next(): Item | undefined {
    const able: Candidate[] = [];
    for (const item of this.#ready) if (this.#isAwake(item.actor)) able.push(item);
    for (const timer of this.#timers)
      if (timer.atMs <= this.nowMs && this.#isAwake(timer.actor)) able.push(timer);
    for (const waiter of this.#waiters)
      if (waiter.seen < this.#position && this.#isAwake(waiter.actor)) able.push(waiter);
    if (able.length === 0) return undefined;
    const chosen = this.params.random.pick(able);
    if ("run" in chosen) {
      this.#ready.splice(this.#ready.indexOf(chosen), 1);
      return chosen;
    }
    if ("atMs" in chosen) return { actor: chosen.actor, run: () => chosen.fire() };
    const position = this.#position;
    return { actor: chosen.actor, run: () => chosen.tell(position) };
  }

  #isAwake(actor: Owner | undefined): boolean {
    return actor === undefined || (!actor.dead && actor.asleepUntilMs <= this.nowMs);
  }

  #passTime(): boolean {
    this.#timers = this.#timers.filter(({ actor }) => !actor.dead);
    const times = this.#timers.map(({ atMs, actor }) => Math.max(atMs, actor.asleepUntilMs));
    const asleep = [...this.#ready, ...this.#waiters].flatMap(({ actor }) =>
      actor === undefined || actor.dead || actor.asleepUntilMs <= this.nowMs ? [] : [actor.asleepUntilMs],
    );
    const nextMs = Math.min(...times, ...asleep);
    if (nextMs === Infinity) return false;
    this.nowMs = Math.max(this.nowMs, nextMs);
    return true;
  }
}

/** Whose turn it may be: a process that lives and is awake. */
export interface Owner {
  readonly dead: boolean;
  readonly asleepUntilMs: number;
}

/** Something that can happen now. */
export interface Item {
  readonly actor?: Owner | undefined;
  run(): void | Promise<void>;
}

export interface Timer {
  readonly actor: Owner;
  atMs: number;
  fire(): void | Promise<void>;
}

export interface ChangeWaiter {
  readonly actor: Owner;
  readonly seen: number;
  tell(position: number): void | Promise<void>;
}

type Candidate = Item | Timer | ChangeWaiter;

/** Until all that can happen without the schedule has happened. */
function settled(): Promise<void> {
  return new Promise((resolve) => void realImmediate(resolve));
}

/** Makes the runtime's own waiting for the event loop a part of the schedule; gives what undoes it. */
export function takeImmediates(simulation: Simulation): () => void {
  const patched = ((run: () => void) => simulation.enqueue({ run })) as unknown as typeof setImmediate;
  globalThis.setImmediate = patched;
  return () => void (globalThis.setImmediate = realImmediate);
}

const realImmediate = globalThis.setImmediate;
const epochMs = 1_767_225_600_000;

async function piecesOf(scan: AsyncIterable<readonly string[]>): Promise<(readonly string[])[]> {
  const pieces: (readonly string[])[] = [];
  for await (const piece of scan) pieces.push(piece);
  return pieces;
}
