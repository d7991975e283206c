import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { claudeBackend, type ClaudeBackendOptions, type ClaudeSdk } from "../../src/claude.ts";
import type { Agent } from "../../src/core/agent.ts";
import { readEvent, type RunEvent } from "../../src/core/event.ts";
import { eventLog, type Run } from "../../src/core/run.ts";
import { openStore, type Store } from "../../src/index.ts";
import { Worker } from "../../src/runtime.ts";
import { type FakeModel, type FakeModelOptions, startFakeModel } from "../../src/testing.ts";
import { agentEnvironment } from "./agent-environment.ts";
import { loadSdk, type Sdk, type Version } from "./sdk.ts";

export interface BackendBenchParams {
  readonly version: Version;
  readonly model?: FakeModelOptions;
  readonly backend?: Partial<ClaudeBackendOptions>;
}

/** One test's own folder, store and fake model, with the real SDK behind a worker. */
export class BackendBench implements AsyncDisposable {
  readonly #params: BackendBenchParams;
  readonly #agents = new Set<Agent>();
  readonly #pids = new Map<Agent, number>();
  #inputs = 0;
  readonly store: Store;
  readonly model: FakeModel;
  readonly folder: string;
  readonly cwd: string;

  static async open(params: BackendBenchParams): Promise<BackendBench> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-e2e-")));
    const store = await openStore(`sqlite:${join(folder, "holdfast.db")}`);
    return new BackendBench(params, { folder, store, model: await startFakeModel(params.model) });
  }

  private constructor(params: BackendBenchParams, parts: Pick<BackendBench, "folder" | "store" | "model">) {
    this.#params = params;
    this.store = parts.store;
    this.model = parts.model;
    this.folder = parts.folder;
    this.cwd = this.newFolder("work");
  }

  /** A backend as another host would have it: with a config folder of its own. */
  async backend(options: Partial<ClaudeBackendOptions> = {}): Promise<Agent> {
    const given = { ...this.#params.backend, ...options };
    const agent = claudeBackend({
      sdk: (await loadSdk(this.#params.version)) as Sdk & ClaudeSdk,
      cwd: this.cwd,
      permissionMode: "bypassPermissions",
      ...given,
      options: {
        env: this.env(),
        settingSources: [],
        allowDangerouslySkipPermissions: true,
        ...given.options,
      },
    });
    this.#agents.add(agent);
    return agent;
  }

  /** All that an agent's process is given: nothing is inherited, and nothing but loopback is asked. */
  env(): Record<string, string | undefined> {
    const configDir = this.newFolder("config");
    return agentEnvironment({ modelUrl: this.model.url, configDir, temporary: this.folder });
  }

  /** One input to its end: what was told of its last run while it went on, and how it ended. */
  async say(agent: Agent, said: string | object, params: SayParams = {}): Promise<Told> {
    const { session = "s", cancelAt, on } = params;
    const key = `k${(this.#inputs += 1)}`;
    const body = typeof said === "string" ? { prompt: said.replaceAll("<cwd>", this.cwd) } : said;
    const at = { project: "e2e", session };
    const { input } = await this.store.admit({
      session: at,
      key,
      body: JSON.stringify(body),
      provider: "claude-code",
    });
    const faults: unknown[] = [];
    const worker = new Worker({
      store: this.store,
      agents: [agent],
      owner: "w",
      onError: (error) => void faults.push(error),
      onEvent: (_claim, event) => {
        if (event.type === "status" && event.process !== undefined) this.#pids.set(agent, event.process.pid);
        if (event.type === cancelAt)
          void this.store.cancel({ session: at, input: input.id, actor: "test", reason: "enough" });
        on?.(event);
      },
    });
    const running = cancelAt === undefined ? worker.drain() : this.#workUntilEnd(worker, key);
    await running;
    const run = (await this.store.run({ run: (await this.store.inputs({ key }))[0]!.run! }))!;
    const events = await this.events(run.id, session);
    return { state: run.state, reason: run.reason, events, faults, run: run.id };
  }

  /** The runs that were interrupted, the newest first. */
  async interrupted(): Promise<readonly Run[]> {
    return (await this.store.runs({ state: "interrupted" })).runs;
  }

  /** The process of the backend that was named last. */
  pid(agent: Agent): number {
    return this.#pids.get(agent)!;
  }

  async events(run: string, session = "s"): Promise<RunEvent[]> {
    const { entries } = await this.store.read({ log: { project: "e2e", session, log: eventLog(run) } });
    return entries.flatMap(({ body }) => {
      const read = readEvent(body);
      return "event" in read ? [read.event] : [];
    });
  }

  /** What the model was shown last, a line a piece. */
  shown(): string[] {
    return this.model.shown().map((line) => line.replaceAll(this.cwd, "<cwd>"));
  }

  /** The models that were asked, one a request. */
  models(): string[] {
    return this.#bodies().map(({ model }) => model);
  }

  /** The types of the blocks of the newest prompt that are no text: the agent adds texts of its own. */
  blocks(): string[] {
    const { content } = this.#bodies()
      .at(-1)!
      .messages.findLast(({ role }) => role === "user")!;
    return content.map(({ type }) => type).filter((type) => type !== "text");
  }

  /** Makes a repository with one commit, and names it. */
  gitRepository(folder: string): string {
    const git = (...args: string[]): string =>
      execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.test", ...args], {
        cwd: folder,
        encoding: "utf8",
      }).trim();
    git("init", "-q", "-b", "topic");
    git("remote", "add", "origin", "https://someone:secret@example.test/a/b.git");
    git("commit", "-q", "--allow-empty", "-m", "First");
    return git("rev-parse", "HEAD");
  }

  newFolder(name: string): string {
    return mkdtempSync(join(this.folder, `${name}-`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const agent of this.#agents) await agent.close?.();
    await this.model.close();
    await this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  // A cancel is seen by a worker that watches.
  async #workUntilEnd(worker: Worker, key: string): Promise<void> {
    const running = worker.run();
    const over = new AbortController();
    const isOpen = async (): Promise<boolean> => {
      const state = (await this.store.inputs({ key }))[0]!.state;
      return state === "queued" || state === "running";
    };
    for await (const _ of this.store.watch({ after: 0 }, over.signal)) if (!(await isOpen())) break;
    over.abort();
    await worker.stop();
    await running;
  }

  #bodies(): Request[] {
    return this.model.requests
      .filter(({ url }) => url.startsWith("/v1/messages"))
      .map(({ body }) => body as Request);
  }
}

interface Request {
  readonly model: string;
  readonly messages: readonly {
    readonly role: string;
    readonly content: readonly { readonly type: string }[];
  }[];
}

export interface SayParams {
  readonly session?: string;
  /** Cancels the input when its run tells of this. */
  readonly cancelAt?: RunEvent["type"];
  readonly on?: (event: RunEvent) => void;
}

export interface Told {
  readonly run: string;
  readonly state: string;
  readonly reason: string | undefined;
  readonly events: readonly RunEvent[];
  readonly faults: readonly unknown[];
}
