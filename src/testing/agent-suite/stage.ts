import assert from "node:assert/strict";
import type { Agent, AgentStep, Turn } from "../../core/agent.ts";
import type { Entry } from "../../core/entry.ts";
import { type LiveEvent, readEvent, type ResultEvent, type RunEvent } from "../../core/event.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Input } from "../../core/input.ts";
import { eventLog } from "../../core/run.ts";
import { emptyJournal, stepLog, type StepJournal, withSteps } from "../../core/steps.ts";
import type { AgentPrompts, AgentWorld, SuiteEnded, SuitePrompt, SuiteWorker } from "./world.ts";

/** Plays turns of the agent under test through the runtime, and keeps all that the agent gave. */
export class Stage {
  readonly world: AgentWorld;
  readonly #worker: SuiteWorker;
  readonly #agents: Agent[] = [];
  #inputs = 0;

  constructor(params: { readonly world: AgentWorld; readonly worker: SuiteWorker }) {
    this.world = params.world;
    this.#worker = params.worker;
  }

  get prompts(): AgentPrompts {
    return this.world.prompts;
  }

  /** The agent of the first process. */
  get agent(): Agent {
    return this.#agents[0] ?? this.another();
  }

  /** The agent of one more process. */
  another(): Agent {
    const agent = this.world.start();
    this.#agents.push(agent);
    return agent;
  }

  session(name: string): SessionKey {
    return { project: "suite", session: name };
  }

  /** Asks this of a session, and runs it once. */
  async turn(params: TurnParams): Promise<Played> {
    const input = await this.ask(params);
    const [played] = await this.run({ ...params, only: input.session });
    assert.ok(played !== undefined, "The input was not run.");
    return played;
  }

  async ask({ session = firstSession, prompt, agent = this.agent }: TurnParams): Promise<Input> {
    this.#inputs += 1;
    const { input } = await this.world.store.admit({
      session: this.session(session),
      key: `${this.#inputs}`,
      body: JSON.stringify({ prompt: prompt.text }),
      provider: agent.provider,
    });
    return input;
  }

  /** Runs what was asked: each input once, though it were to be tried again. */
  async run({ agent = this.agent, only, runs = 1, tap = {} }: RunParams = {}): Promise<Played[]> {
    const played = new Map<string, Recording>();
    const worker = new this.#worker({
      store: this.world.store,
      agents: [tapped(agent, played, tap)],
      owner: "suite",
      project: "suite",
      ...(only === undefined ? {} : { session: only }),
      maxRuns: runs,
      onEvent: ({ run }, event) => void recordingOf(played, run.id).told.push(event),
      onEnd: ({ run, input }, ended) => {
        Object.assign(recordingOf(played, run.id), { input, ended });
        if ([...played.values()].filter((one) => one.ended !== undefined).length === runs) void worker.stop();
      },
    });
    await worker.drain();
    return [...played.values()] as Played[];
  }

  /** Takes an input back that waits for its next try. */
  async giveUp({ input: { project, session, id } }: Pick<Played, "input">): Promise<void> {
    await this.world.store.cancel({ session: { project, session }, input: id, actor: "suite" });
  }

  /** What a log of a session shows to everybody. */
  async entries(session: string, log = ""): Promise<readonly Entry[]> {
    return (await this.world.store.read({ log: { ...this.session(session), log } })).entries;
  }

  /** The events of a run, as its log has them. */
  async stored({ run, input }: Played): Promise<RunEvent[]> {
    return (await this.entries(input.session, eventLog(run))).map(({ body }) => {
      const read = readEvent(body);
      if ("fault" in read) assert.fail(`The event ${read.fault}: ${body}`);
      assert.equal(read.run, run);
      return read.event;
    });
  }

  async journal({ session, id }: Pick<Input, "session" | "id">): Promise<StepJournal> {
    return withSteps(
      emptyJournal,
      (await this.entries(session, stepLog(id))).map(({ body }) => body),
    );
  }

  async close(): Promise<void> {
    for (const agent of this.#agents) await agent.close?.();
    await this.world.close();
  }
}

export interface TurnParams {
  readonly prompt: SuitePrompt;
  readonly session?: string;
  readonly agent?: Agent;
  readonly tap?: Tap;
}

interface RunParams {
  readonly agent?: Agent;
  /** Only inputs of this session. */
  readonly only?: string;
  /** How many inputs, at once. */
  readonly runs?: number;
  readonly tap?: Tap;
}

/** What a test does to a turn that goes on. */
interface Tap {
  /** Gives the agent another turn than the runtime does. */
  readonly turn?: (turn: Turn) => Turn;
  /** After a step was given, and before the next one is asked for. */
  readonly step?: (step: AgentStep, count: number) => Promise<void> | void;
}

/** One run, as it was seen from the outside. */
export interface Played {
  readonly input: Input;
  readonly run: string;
  /** The token that the turn was given. */
  readonly resume: string | undefined;
  readonly steps: readonly AgentStep[];
  /** What a viewer was told while it went on. */
  readonly told: readonly RunEvent[];
  /** What the agent threw. */
  readonly thrown: { readonly error: unknown } | undefined;
  readonly ended: SuiteEnded;
}

export function eventsOf({ steps }: Pick<Played, "steps">): LiveEvent[] {
  return steps.flatMap((step) => (step.kind === "event" ? [step.event] : []));
}

export function entriesOf({ steps }: Pick<Played, "steps">): Extract<AgentStep, { kind: "entry" }>[] {
  return steps.filter((step) => step.kind === "entry");
}

/** The result of a run that was committed. */
export function resultOf(played: Played): ResultEvent {
  const results = eventsOf(played).filter(({ type, parent }) => type === "result" && parent === undefined);
  assert.equal(played.ended.as, "committed", played.ended.reason);
  assert.equal(results.length, 1, `The run gave ${results.length} results.`);
  return results[0] as ResultEvent;
}

const firstSession = "s-1";

interface Recording extends Partial<Pick<Played, "input" | "ended">> {
  readonly run: string;
  resume: string | undefined;
  readonly steps: AgentStep[];
  readonly told: RunEvent[];
  thrown: Played["thrown"];
}

function recordingOf(played: Map<string, Recording>, run: string): Recording {
  const known = played.get(run);
  const recording = known ?? { run, resume: undefined, steps: [], told: [], thrown: undefined };
  played.set(run, recording);
  return recording;
}

/** The same agent, recorded. */
function tapped(agent: Agent, played: Map<string, Recording>, tap: Tap): Agent {
  const run = async function* (turn: Turn): AsyncGenerator<AgentStep> {
    const recording = recordingOf(played, turn.run);
    recording.resume = turn.resume;
    try {
      for await (const step of agent.run(tap.turn?.(turn) ?? turn)) {
        recording.steps.push(step);
        await tap.step?.(step, recording.steps.length);
        yield step;
      }
    } catch (error) {
      recording.thrown = { error };
      throw error;
    }
  };
  return new Proxy(agent, {
    get: (target, name) => {
      if (name === "run") return run;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
