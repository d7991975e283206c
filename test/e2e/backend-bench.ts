import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { claudeBackend, type ClaudeBackendOptions } from "../../src/claude.ts";
import type { RunEvent } from "../../src/core/event.ts";
import { readEvent } from "../../src/core/event.ts";
import { openStore, type Store } from "../../src/index.ts";
import { Worker } from "../../src/runtime.ts";
import type { Agent } from "../../src/core/agent.ts";
import { eventLog } from "../../src/core/run.ts";
import { type FakeModel, type FakeModelOptions, startFakeModel } from "../../src/testing.ts";
import { loadSdk, type Version } from "./sdk.ts";

export interface BackendBenchParams {
  readonly version: Version;
  readonly model?: FakeModelOptions;
  readonly backend?: Partial<ClaudeBackendOptions>;
}

/** One test's own folder, store and fake model, with the real SDK behind a worker. */
export class BackendBench implements AsyncDisposable {
  readonly #params: BackendBenchParams;
  readonly #agents = new Set<Agent>();
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
    const config = this.newFolder("config");
    const given = { ...this.#params.backend, ...options };
    const agent = claudeBackend({
      sdk: (await loadSdk(this.#params.version)) as never,
      cwd: this.cwd,
      permissionMode: "bypassPermissions",
      ...given,
      options: {
        env: {
          PATH: process.env["PATH"],
          HOME: config,
          TMPDIR: this.folder,
          LANG: "C.UTF-8",
          ANTHROPIC_BASE_URL: this.model.url,
          ANTHROPIC_API_KEY: "sk-ant-dummy-000",
          CLAUDE_CONFIG_DIR: config,
          IS_SANDBOX: "1",
          CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
          DISABLE_TELEMETRY: "1",
          DISABLE_ERROR_REPORTING: "1",
          DISABLE_AUTOUPDATER: "1",
        },
        settingSources: [],
        allowDangerouslySkipPermissions: true,
        ...given.options,
      },
    });
    this.#agents.add(agent);
    return agent;
  }

  /** One turn, to its end: what was told of it while it went on, and how it ended. */
  async say(agent: Agent, body: string | object, session = "s"): Promise<Told> {
    const key = `k${(this.#count += 1)}`;
    const prompt = typeof body === "string" ? { prompt: body.replaceAll("<cwd>", this.cwd) } : body;
    await this.store.admit({
      session: { project: "e2e", session },
      key,
      body: JSON.stringify(prompt),
      provider: "claude-code",
    });
    const faults: unknown[] = [];
    const worker = new Worker({
      store: this.store,
      agents: [agent],
      owner: "w",
      onError: (error) => void faults.push(error),
    });
    await worker.drain();
    const [input] = await this.store.inputs({ key });
    const run = await this.store.run({ run: input!.run! });
    const events = await this.events(run!.id, session);
    return { state: run!.state, reason: run!.reason, events, faults, run: run!.id };
  }
  #count = 0;

  async events(run: string, session = "s"): Promise<RunEvent[]> {
    const { entries } = await this.store.read({ log: { project: "e2e", session, log: eventLog(run) } });
    return entries.flatMap(({ body }) => {
      const read = readEvent(body);
      return "event" in read ? [read.event] : [];
    });
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
}

export interface Told {
  readonly run: string;
  readonly state: string;
  readonly reason: string | undefined;
  readonly events: readonly RunEvent[];
  readonly faults: readonly unknown[];
}
