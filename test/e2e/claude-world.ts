import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Agent } from "../../src/runtime.ts";
import type { SessionKey, Store } from "../../src/index.ts";
import type { AgentWorld, FakeModelRequest } from "../../src/testing.ts";
import { AgentBench, type AgentBenchParams, marksIn } from "./agent-bench.ts";
import { agentOn } from "./agent-task.ts";
import { markedProcesses } from "./marked-processes.ts";
import { loadSdk, type Sdk } from "./sdk.ts";

/** The agent suite's world around the real SDK and its binary, with the fake model. */
export class ClaudeWorld implements AgentWorld {
  readonly #bench: AgentBench;
  readonly #sdk: Sdk;
  readonly #path: string;
  readonly #cwd: string;
  #isHanging = async (): Promise<void> => {};
  #hangs = 0;

  static async open(params: AgentBenchParams): Promise<ClaudeWorld> {
    return new ClaudeWorld(await AgentBench.open(params), await loadSdk(params.version));
  }

  private constructor(bench: AgentBench, sdk: Sdk) {
    this.#bench = bench;
    this.#sdk = sdk;
    this.#cwd = bench.newFolder("work");
    this.#path = join(bench.folder, "marks");
  }

  get store(): Store {
    return this.#bench.store;
  }

  readonly prompts: AgentWorld["prompts"] = {
    say: (text) => ({ text: `SAY ${text}`, responses: 1 }),
    tool: (mark) => ({ text: `MARK ${mark} ${this.#path}`, responses: 2 }),
    hang: (where) => this.#hang(where),
    fail: () => ({ text: "ERR 500", responses: 0 }),
  };

  start(): Agent {
    return agentOn(this.#sdk, this.#bench.task({ cwd: this.#cwd, partialText: true }));
  }

  async marks(): Promise<readonly string[]> {
    return marksIn(this.#path);
  }

  async shown(session: SessionKey): Promise<string> {
    const token = (await this.store.session(session))?.resumeToken;
    const asked = this.#bench.model.requests.filter(({ body }) => isOf(body, token));
    return this.#bench.model.shown(asked.at(-1)).join("\n");
  }

  async hanging(): Promise<void> {
    await this.#isHanging();
  }

  async processes(): Promise<number> {
    return markedProcesses(this.#bench.mark).length;
  }

  async close(): Promise<void> {
    await this.#bench[Symbol.asyncDispose]();
  }

  #hang(where: "model" | "tool"): ReturnType<AgentWorld["prompts"]["hang"]> {
    if (where === "model") {
      const asked = this.#bench.model.requests.filter(({ method }) => method === "POST").length;
      this.#isHanging = () => this.#bench.model.waitFor(asked + 1);
      return { text: "HANG", responses: 0 };
    }
    const flag = join(this.#bench.folder, `hangs-${(this.#hangs += 1)}`);
    this.#isHanging = async () => {
      while (!existsSync(flag)) await delay(20);
    };
    return { text: `BASH touch ${flag}; sleep 600`, responses: 0 };
  }
}

/** Whether a request belongs to this session of the SDK. */
function isOf(body: FakeModelRequest["body"], token: string | null | undefined): boolean {
  const { metadata } = (body ?? {}) as { readonly metadata?: { readonly user_id?: string } };
  return token != null && metadata?.user_id?.includes(token) === true;
}
