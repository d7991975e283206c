import { mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { verifySession } from "../../src/claude.ts";
import { emptyJournal, stepLog, type StepJournal, withSteps } from "../../src/core/steps.ts";
import { openStore, type Store } from "../../src/index.ts";
import {
  type Agent,
  type Ended,
  type EventEnvelope,
  type Input,
  type RunEvent,
  Worker,
} from "../../src/runtime.ts";
import { type FakeModel, type FakeModelOptions, startFakeModel } from "../../src/testing.ts";
import { type AgentTask, agentOf, provider } from "./agent-task.ts";
import { converse } from "./conversation.ts";
import { historyFaults } from "./history-faults.ts";
import { allEnded, killMarked } from "./marked-processes.ts";
import { loadSdk, type Version } from "./sdk.ts";

export interface AgentBenchParams {
  readonly version: Version;
  readonly model?: FakeModelOptions;
}

/** One test's own folder, store and fake model, and workers of the real agent on them. */
export class AgentBench implements AsyncDisposable {
  readonly version: Version;
  readonly folder: string;
  readonly store: Store;
  readonly model: FakeModel;
  /** In every process that belongs to this bench. */
  readonly mark: string;
  #inputs = 0;
  #homes = 0;

  static async open({ version, model = {} }: AgentBenchParams): Promise<AgentBench> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-agent-")));
    const store = await openStore(`sqlite:${join(folder, "holdfast.db")}`);
    return new AgentBench({ version, folder, store, model: await startFakeModel(model) });
  }

  private constructor(parts: Pick<AgentBench, "version" | "folder" | "store" | "model">) {
    this.version = parts.version;
    this.folder = parts.folder;
    this.store = parts.store;
    this.model = parts.model;
    this.mark = parts.folder;
  }

  /** What a worker of this bench is made of: unless it is said otherwise, each is on a machine of its own. */
  task(part: Partial<AgentTask> = {}): AgentTask {
    const { version, mark } = this;
    const home = join(this.folder, `home-${(this.#homes += 1)}`);
    const cwd = part.cwd ?? this.newFolder("work");
    return { version, mark, home, storeUrl: this.store.url, modelUrl: this.model.url, ...part, cwd };
  }

  async admit(prompt: string, session = "s"): Promise<Input> {
    const body = JSON.stringify({ prompt });
    const key = `${(this.#inputs += 1)}`;
    return (await this.store.admit({ session: { project, session }, key, body, provider })).input;
  }

  /** Says one thing to an agent of this process, and gives how it ended. */
  async say(
    agent: Agent,
    prompt: string,
    { session = "s", store = this.store }: SayParams = {},
  ): Promise<Said> {
    const { id } = await this.admit(prompt, session);
    const events: RunEvent[] = [];
    const ended: Ended[] = [];
    await new Worker({
      store,
      agents: [agent],
      owner: "bench",
      project,
      session,
      onEvent: (_, event) => void events.push(event),
      onEnd: (_, how) => void ended.push(how),
    }).drain();
    const [input] = await this.store.inputs({ input: id });
    return { input: input!, events, ended, shown: this.shown() };
  }

  /** What the model was shown last, with what differs between two equal runs taken out. */
  shown(): string[] {
    return this.model.shown().map((line) => line.replaceAll(/\S*\/work-\w+/g, "<cwd>"));
  }

  /** What the model is shown by these turns where nothing interrupts them and no store is in play. */
  async control(prompts: readonly string[]): Promise<(readonly string[])[]> {
    const { model, folder } = this;
    const sdk = await loadSdk(this.version);
    return [...(await converse({ sdk, model, folder, cwd: this.newFolder("work"), prompts })).shown];
  }

  /** An agent of this process. */
  agent(part: Partial<AgentTask> = {}): Promise<Agent> {
    return agentOf(this.task(part));
  }

  /** What the runs of a session show, the oldest run first. */
  async timelines(session = "s"): Promise<Timeline[]> {
    const { runs } = await this.store.runs({ session: { project, session }, limit: 1000 });
    return await Promise.all(
      runs.toReversed().map(async ({ id, input, state, attempt }) => {
        const { entries } = await this.store.read({ log: { project, session, log: `@run/${id}` } });
        const events = entries.map(({ body }) => JSON.parse(body) as RunEvent & { readonly run: string });
        return { run: id, input, state, attempt, events };
      }),
    );
  }

  async transcript(session = "s"): Promise<Record<string, unknown>[]> {
    const { entries } = await this.store.read({ log: { project, session, log: "" } });
    return entries.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
  }

  async journal(input: string, session = "s"): Promise<StepJournal> {
    const { entries } = await this.store.read({ log: { project, session, log: stepLog(input) } });
    return withSteps(
      emptyJournal,
      entries.map(({ body }) => body),
    );
  }

  /** The session has one branch with nothing lost, and the model was never shown what its API would refuse. */
  async isSound(session = "s"): Promise<void> {
    const { findings } = await verifySession(this.store, { project, session });
    expect(findings).toEqual([]);
    const asked = this.model.requests.filter(({ method }) => method === "POST");
    expect(asked.flatMap(historyFaults)).toEqual([]);
  }

  newFolder(name: string): string {
    return mkdtempSync(join(this.folder, `${name}-`));
  }

  /** Nothing that belongs to this bench runs any more. */
  async allEnded(but: readonly number[] = []): Promise<void> {
    await allEnded(this.mark, but);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    killMarked(this.mark);
    await this.model.close();
    await this.store.close();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

export interface Timeline extends Pick<EventEnvelope, "run"> {
  readonly input: string;
  readonly state: string;
  readonly attempt: number;
  readonly events: readonly (RunEvent & { readonly run: string })[];
}

export interface Said {
  readonly input: Input;
  readonly events: readonly RunEvent[];
  readonly ended: readonly Ended[];
  readonly shown: readonly string[];
}

interface SayParams {
  readonly session?: string;
  readonly store?: Store;
}

/** The lines that tools have left in a file. */
export function marksIn(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
}

export const project = "e2e";
