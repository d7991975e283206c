import { reconcile } from "../../src/runtime/reconcile.ts";
import { resolveRun } from "../../src/runtime/resolve.ts";
import { Worker } from "../../src/runtime/worker.ts";
import { scriptedAgent } from "../../src/agents/scripted/index.ts";
import type { Agent } from "../../src/core/agent.ts";
import type { SessionKey } from "../../src/core/ids.ts";
import type { AdmitParams, Input } from "../../src/core/input.ts";
import type { Claim, Run } from "../../src/core/run.ts";
import type { Store } from "../../src/core/store.ts";
import { openMemoryStore } from "../../src/stores/memory/index.ts";
import { Actor } from "./actor.ts";
import { type Fault, FaultPlan, pathPoints, recoveryPoints } from "./faults.ts";
import { check, idOf, Model } from "./model.ts";
import { type Acknowledged, checkEnd, type Ending } from "./end-check.ts";
import { Random } from "./random.ts";
import { Reader } from "./reader.ts";
import {
  type Effect,
  type PlantCall,
  Simulation,
  type SimulationParams,
  takeImmediates,
  Violation,
} from "./simulation.ts";
import { Scenario } from "./scenario.ts";
import { World } from "./world.ts";

export interface ScheduleParams {
  readonly seed: number;
  readonly trace?: ((line: string) => void) | undefined;
  readonly tally?: Tally | undefined;
  /** Another store than the right one, to prove that the simulator tells them apart. */
  readonly open?: SimulationParams["open"] | undefined;
  /** The same for an agent. */
  readonly plantAgent?: ((agent: Agent) => Agent) | undefined;
  /** The same for what the runtime asks of the store. */
  readonly plantCall?: PlantCall | undefined;
}

/** What happened over many schedules: where which fault struck, and how runs ended. */
export type Tally = Map<string, number>;

/** Plays one schedule to its end. @throws Violation */
export async function playSchedule(params: ScheduleParams): Promise<void> {
  const schedule = new Schedule(params);
  const restore = takeImmediates(schedule.simulation);
  const { stackTraceLimit } = Error;
  // Faults are thrown by the thousand, and nobody looks at their stacks.
  Error.stackTraceLimit = 0;
  const stray = (error: unknown): void => schedule.simulation.fail(strayed(error));
  process.on("unhandledRejection", stray);
  try {
    await schedule.play();
  } finally {
    process.off("unhandledRejection", stray);
    restore();
    Error.stackTraceLimit = stackTraceLimit;
  }
}

const leaseMs = 900;
const mostIdleSteps = 40;
const mostRounds = 16;

class Schedule {
  readonly simulation: Simulation;
  readonly #params: ScheduleParams;
  readonly #random: Random;
  readonly #faults: FaultPlan;
  readonly #world: World;
  readonly #model = new Model();
  readonly #reader: Reader;
  readonly #scenario: Scenario;
  readonly #acknowledged = new Map<string, Acknowledged>();
  /** What workers were told or said, to be compared with what became of it. */
  readonly #endings: Ending[] = [];
  #actors: Actor[] = [];
  #mirrored = 0;
  #begun = 0;
  #changedAt = 0;

  constructor(params: ScheduleParams) {
    const random = new Random(params.seed);
    this.#params = params;
    this.#random = random;
    this.#faults = new FaultPlan(random);
    this.#world = new World(random);
    this.simulation = new Simulation({
      random,
      faults: this.#faults,
      open: params.open ?? openMemoryStore,
      onEffect: (effect) => this.#witness(effect),
      onStart: (fault) => this.#start(fault),
      trace: params.trace,
      plantCall: params.plantCall,
      onFault: (point, fault) => this.#count(`${point} ${fault}`),
    });
    this.#reader = new Reader({
      store: this.simulation.store,
      model: this.#model,
      nowMs: () => this.simulation.nowMs,
    });
    this.#scenario = new Scenario(random);
  }

  async play(): Promise<void> {
    this.#faults.begin(pathPoints);
    const inputs = this.#random.pick([1, 1, 1, 1, 2, 3]);
    for (let n = 1; n <= inputs; n += 1) this.#startClient(this.#scenario.input(n));
    const workers = this.#random.chance(0.3) ? 2 : 1;
    for (let n = 0; n < workers; n += 1) this.#startWorker();
    await this.#goOn(() => this.#isDone());
    this.#endAll();
    const lapsed = this.#reader.runs.some(({ state }) => state === "running");
    if (lapsed && this.#random.chance(0.7)) await this.#recoverAmongFaults();
    this.simulation.note(() => "--- no faults from here");
    await this.#recover((inputs) => inputs.every((input) => !isOpen(input) || this.#isHeld(input)));
    await this.#resolveHeld();
    // A lease whose answer was lost lapses like any other.
    this.simulation.nowMs += 70_000;
    await checkEnd({
      store: this.simulation.store,
      model: this.#model,
      reader: this.#reader,
      sessions: this.#scenario.sessions,
      acknowledged: [...this.#acknowledged.values()],
      endings: this.#endings,
    });
  }

  /** Until it is so, or nothing changes any more. */
  async #goOn(isSo: () => boolean): Promise<void> {
    const { simulation } = this;
    this.#changedAt = simulation.steps;
    while (simulation.steps - this.#changedAt < mostIdleSteps && !isSo())
      if (!(await simulation.step())) return;
  }

  #endAll(): void {
    this.#faults.stop();
    for (const actor of this.#actors) actor.dead = true;
    this.#actors = [];
    this.simulation.note(() => "--- all processes are gone");
  }

  async #recoverAmongFaults(): Promise<void> {
    this.simulation.nowMs += 2_000;
    this.#faults.begin(recoveryPoints);
    for (let n = this.#random.pick([1, 1, 2, 3]); n > 0; n -= 1) this.#startReconciler();
    if (this.#random.chance(0.3)) this.#startWorker();
    await this.#goOn(() => this.#actors.every(({ done, dead }) => done || dead));
    this.#endAll();
  }

  // The witness comes before the actors hear of it: what it sees is what the store is right now.
  async #witness(effect: Effect): Promise<void> {
    this.#model.take(effect);
    const { verb, params, result, error } = effect;
    if (verb === "renewLease" || verb === "releaseLease" || (verb === "claim" && result == null)) return;
    if (error !== undefined && verb !== "commit" && verb !== "endRun") return;
    const { log, session = log } = params as { readonly session?: SessionKey; readonly log?: SessionKey };
    const key = verb === "claim" ? (result as Claim).run : session!;
    const closely = verb !== "append" || this.#random.chance(0.2);
    await this.#reader.look(key, { closely });
    this.#changedAt = this.simulation.steps;
    this.simulation.position = this.#reader.position;
    if (error === undefined)
      this.#count(verb === "endRun" ? `endRun ${(params as { as: string }).as}` : verb);
    else this.#count(`${verb} ${(error as { code?: string }).code}`);
  }

  #begin(name: string, work: (actor: Actor) => Promise<unknown>): Actor {
    const actor = new Actor(this.simulation, `${name}${(this.#begun += 1)}`);
    this.#actors = [...this.#actors, actor];
    actor.begin(() => work(actor));
    return actor;
  }

  #startClient(input: AdmitParams): void {
    this.#begin("client", async ({ store, timers }) => {
      for (let attempt = 1; attempt <= 4; attempt += 1) {
        try {
          const { input: admitted } = await store.admit(input);
          const { id, key } = admitted;
          const known = this.#acknowledged.get(key);
          if (known !== undefined && known.id !== id)
            this.simulation.fail(new Violation(`25: two of ${key}`));
          this.#acknowledged.set(key, { ...input, id });
          return;
        } catch {
          await timers.wait(60, new AbortController().signal);
        }
      }
    });
  }

  #startWorker(how: "runs" | "drains" = this.#random.chance(0.5) ? "runs" : "drains"): Actor {
    return this.#begin("worker", async (actor) => {
      const worker = new Worker({
        store: actor.store,
        agents: [this.#agent(actor)],
        owner: actor.name,
        leaseMs,
        maxRuns: 2,
        timers: actor.timers,
        onEnd: (claim, ended) => {
          this.simulation.note(() => `${actor.name} ended ${claim.run.id}: ${JSON.stringify(ended)}`);
          this.#endings.push({ run: claim.run.id, ended });
          this.#count(`worker ended ${ended.as}`);
        },
      });
      await (how === "runs" ? worker.run() : worker.drain());
    });
  }

  #agent(actor: Actor): Agent {
    const agent = scriptedAgent({
      clock: { now: () => this.simulation.nowMs },
      wait: async (ms, signal) => (ms === 0 ? undefined : await actor.timers.wait(ms, signal)),
      crash: () => {
        if (this.#random.chance(0.7)) return new Promise<void>(() => actor.crash());
        return Promise.reject(new Error("the model is gone"));
      },
      tool: (call) => actor.outside(`tool ${call.name}`, () => this.#act(call)),
    });
    return this.#params.plantAgent?.(agent) ?? agent;
  }

  #act(call: Parameters<World["act"]>[0]): string {
    try {
      return this.#world.act(call);
    } catch (error) {
      if (error instanceof Violation) this.simulation.fail(error);
      throw error;
    }
  }

  #startReconciler(afterMs = 0): Actor {
    return this.#begin("reconciler", async (actor) => {
      if (afterMs > 0) await actor.timers.wait(afterMs, new AbortController().signal);
      const report = await reconcile({ store: actor.store, owner: actor.name, leaseMs });
      this.simulation.note(
        () => `${actor.name} says ${JSON.stringify(report.runs.map(({ run, ...rest }) => [run.id, rest]))}`,
      );
      for (const { result } of report.runs) this.#count(`reconciled ${result}`);
    });
  }

  #start(fault: Fault): void {
    const session = this.#random.pick(this.#scenario.sessions);
    if (fault === "worker") this.#startWorker();
    if (fault === "reconciler") this.#startReconciler(this.#random.pick([0, 0, leaseMs]));
    // What sleeps is likely to wake up in a world that went on without it.
    if (fault === "pause" || fault === "suspend" || fault === "orphan") this.#startWhileItSleeps();
    if (fault === "mirror") this.#startMirror(session);
    const by = { session, actor: "operator" };
    if (fault === "clear") this.#begin("operator", ({ store }) => store.clearLease(by));
    if (fault === "drop") this.#begin("operator", ({ store }) => store.drop(by));
    if (fault === "resolve") this.#startOperator();
    if (fault === "cancel")
      this.#begin("operator", async ({ store }) => {
        const input = this.#random.pick([...(await store.inputs({ session })), undefined]);
        if (input !== undefined) await store.cancel({ ...by, input: input.id });
      });
  }

  #startWhileItSleeps(): void {
    const draw = this.#random.next();
    const afterMs = this.#random.pick([leaseMs, 2 * leaseMs]);
    if (draw < 0.45) this.#startReconciler(afterMs);
    else if (draw < 0.85) this.#startOperator(afterMs);
  }

  #startOperator(afterMs = 0): void {
    this.#begin("operator", async (actor) => {
      if (afterMs > 0) await actor.timers.wait(afterMs, new AbortController().signal);
      await this.#resolveOne(actor);
    });
  }

  #startMirror(session: SessionKey): void {
    const number = (this.#mirrored += 1);
    const log = this.#random.pick(["", "subagents/a", "other"]);
    if (log === "") this.#model.session(session).foreign = true;
    const entries = [1, 2].map((n) => ({ body: `{"mirrored":${number},"n":${n}}`, uuid: `m${number}.${n}` }));
    this.#begin("mirror", ({ store }) => store.append({ log: { ...session, log }, entries }));
  }

  async #resolveOne({ store, name }: Actor): Promise<void> {
    const { runs } = await store.runs({});
    const open = runs.filter(({ state }) => state === "running" || state === "held");
    const run = this.#random.pick([...open, undefined]);
    if (run !== undefined) await this.#resolve(store, name, run);
  }

  async #resolve(store: Store, owner: string, run: Run): Promise<void> {
    const as = this.#random.pick(["commit", "commit", "discard", "resume"] as const);
    await resolveRun({ store, run: run.id, as, actor: "operator", reason: "It hangs.", owner, leaseMs });
  }

  #isDone(): boolean {
    for (const { name, done, dead } of this.#actors)
      if (!done && !dead && !name.startsWith("worker")) return false;
    const { inputs } = this.#reader;
    return inputs.length > 0 && inputs.every((input) => !isOpen(input) || this.#isHeld(input));
  }

  /** It waits for an operator: it is held itself, or its session is. */
  #isHeld(input: Input): boolean {
    return this.#reader.runs.some((run) => run.state === "held" && idOf(run) === idOf(input));
  }

  async #recover(isEnough: (inputs: readonly Input[]) => boolean): Promise<void> {
    for (let round = 1; round <= mostRounds; round += 1) {
      this.simulation.nowMs += 70_000;
      await this.#toEnd(this.#startReconciler());
      await this.#toEnd(this.#startWorker("drains"));
      if (isEnough(this.#reader.inputs) && this.simulation.isQuiet) return;
    }
    throw new Violation(`35: after ${mostRounds} recoveries there is still work that nobody ends`);
  }

  async #toEnd(actor: Actor): Promise<void> {
    const last = this.simulation.steps + 3_000;
    while (!actor.done && !actor.dead) {
      const some = await this.simulation.step();
      check(some && this.simulation.steps < last, `35: ${actor.name} never ends`);
    }
  }

  /** Every hold has a verb that ends it. */
  async #resolveHeld(): Promise<void> {
    for (let round = 0; round < 12; round += 1) {
      const held = this.#reader.runs.filter(({ state }) => state === "held");
      if (held.length === 0) break;
      this.#count("held to the end");
      for (const run of held)
        await this.#toEnd(this.#begin("operator", ({ store, name }) => this.#resolve(store, name, run)));
      await this.#recover((inputs) => inputs.every((input) => !isOpen(input) || this.#isHeld(input)));
    }
    check(!this.#reader.inputs.some(isOpen), "35: an operator could not end what is held");
  }

  #count(what: string): void {
    const { tally } = this.#params;
    tally?.set(what, (tally.get(what) ?? 0) + 1);
  }
}

function isOpen({ state }: Input): boolean {
  return state === "queued" || state === "running";
}

function strayed(error: unknown): Violation {
  return new Violation(
    `6: an error that nobody takes would end the process: ${error instanceof Error ? (error.stack ?? String(error)) : String(error)}`,
  );
}
