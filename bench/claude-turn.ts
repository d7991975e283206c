import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { claudeBackend } from "../src/claude.ts";
import type { Agent } from "../src/core/agent.ts";
import type { RunEvent } from "../src/core/event.ts";
import type { Store } from "../src/core/store.ts";
import { Worker } from "../src/runtime/worker.ts";
import { openSqliteStore } from "../src/stores/sqlite/index.ts";
import { startFakeModel } from "../src/testing/fake-model/index.ts";
import { agentEnvironment } from "../test/e2e/agent-environment.ts";
import { interleave, median, ms, type Row } from "./measure.ts";

const rounds = 40;

/** Turns of the real agent on a warm session, against its SDK alone, which keeps nothing; the model is a fake on loopback. */
export async function benchClaudeTurn(folder: string): Promise<Row[]> {
  const sdk = await loadSdk();
  if (sdk === undefined) return [notInstalled];
  const model = await startFakeModel();
  const store = openSqliteStore({ path: join(folder, "claude.db") });
  const options = optionsFor(folder, model.url);
  const agent = claudeBackend({ sdk: sdk as never, options, cwd: folder });
  const bare = new BareSession(sdk, { ...options, cwd: folder });
  const firsts = { ours: [] as number[], bare: [] as number[] };
  try {
    const turns = await interleave(
      [
        { name: "ours", run: () => ourTurn({ store, agent, prompt: tool }) },
        { name: "bare", run: () => bare.turn(tool).then(() => undefined) },
      ],
      rounds,
    );
    for (let round = 0; round < rounds; round += 1) {
      firsts.ours.push(await ourFirst({ store, agent }));
      firsts.bare.push(await bare.turn("SAY hello"));
    }
    return [
      turnRow(turns.get("ours")!, turns.get("bare")!),
      firstRow(median(firsts.ours), median(firsts.bare)),
    ];
  } finally {
    await agent.close?.();
    await bare.close();
    await model.close();
    await store.close();
  }
}

const tool = "BASH true";

const notInstalled: Row = {
  what: "a turn of the Claude agent",
  ours: "not measured",
  limit: "the Claude Agent SDK is installed by `npm install` in test/e2e",
  ratio: "-",
  bar: "-",
};

function turnRow(ours: number, bare: number): Row {
  return {
    what: `turn of the Claude agent with one tool call, warm session, p50 of ${rounds}`,
    ours: ms(ours),
    limit: `the SDK alone ${ms(bare)}`,
    ratio: ms(ours - bare),
    bar: "30 ms more",
  };
}

function firstRow(ours: number, bare: number): Row {
  return {
    what: `from run to the first event of the SDK in the Claude agent, warm session, p50 of ${rounds}`,
    ours: ms(ours),
    limit: `the SDK's first message ${ms(bare)}`,
    ratio: ms(ours - bare),
    bar: "10 ms more",
  };
}

interface Sdk {
  query(params: {
    readonly prompt: AsyncIterable<unknown>;
    readonly options: object;
  }): AsyncIterable<SdkMessage>;
}

interface SdkMessage {
  readonly type: string;
}

async function loadSdk(): Promise<Sdk | undefined> {
  const home = join(import.meta.dirname, "../test/e2e/package.json");
  try {
    const entry = createRequire(home).resolve("@anthropic-ai/claude-agent-sdk");
    return (await import(pathToFileURL(entry).href)) as Sdk;
  } catch {
    return undefined;
  }
}

function optionsFor(folder: string, modelUrl: string): Readonly<Record<string, unknown>> {
  const configDir = join(folder, "claude-config");
  mkdirSync(configDir, { recursive: true });
  const env = agentEnvironment({ modelUrl, configDir, temporary: folder });
  return {
    env,
    settingSources: [],
    permissionMode: "bypassPermissions",
    allowDangerouslySkipPermissions: true,
  };
}

interface OurTurn {
  readonly store: Store;
  readonly agent: Agent;
}

let asked = 0;

async function ourTurn({ store, agent, prompt }: OurTurn & { readonly prompt: string }): Promise<void> {
  await admit(store, prompt);
  let how = "nothing";
  const onEnd = (_: unknown, ended: { readonly as: string }): void => void (how = ended.as);
  await new Worker({ store, agents: [agent], owner: "bench", project: "bench", session: "s", onEnd }).drain();
  if (how !== "committed") throw new Error(`the turn ended as ${how}`);
}

/** From the agent's `run` to its first event, of a turn that then goes to its end. */
async function ourFirst({ store, agent }: OurTurn): Promise<number> {
  await admit(store, "SAY hello");
  let [startedMs, firstMs] = [0, 0];
  const timed: Agent = {
    ...agent,
    run: (turn) => {
      startedMs = performance.now();
      return agent.run(turn);
    },
  };
  // What the backend says of itself comes at once: the first that the SDK has said is what a bare one is compared by.
  const onEvent = (_: unknown, event: RunEvent): void => {
    if (event.type === "status" && event.resume !== undefined) firstMs ||= performance.now();
  };
  await new Worker({
    store,
    agents: [timed],
    owner: "bench",
    project: "bench",
    session: "s",
    onEvent,
  }).drain();
  return firstMs - startedMs;
}

async function admit(store: Store, prompt: string): Promise<void> {
  const session = { project: "bench", session: "s" };
  const body = JSON.stringify({ prompt });
  await store.admit({ session, key: `${(asked += 1)}`, body, provider: "claude-code" });
}

/** One warm query of the SDK with no store. */
class BareSession {
  readonly #messages: AsyncIterator<SdkMessage>;
  #next = Promise.withResolvers<string | undefined>();

  constructor(sdk: Sdk, options: object) {
    this.#messages = sdk.query({ prompt: this.#prompts(), options })[Symbol.asyncIterator]();
  }

  /** Resolves when the turn has its result, with the time to its first message. */
  async turn(prompt: string): Promise<number> {
    const startedMs = performance.now();
    let firstMs: number | undefined;
    this.#next.resolve(prompt);
    for (;;) {
      const { value, done } = await this.#messages.next();
      if (done === true) throw new Error("the SDK's query has ended");
      firstMs ??= performance.now() - startedMs;
      if ((value as SdkMessage).type === "result") return firstMs;
    }
  }

  async close(): Promise<void> {
    this.#next.resolve(undefined);
    while ((await this.#messages.next()).done !== true);
  }

  async *#prompts(): AsyncGenerator<unknown> {
    for (;;) {
      const content = await this.#next.promise;
      this.#next = Promise.withResolvers();
      if (content === undefined) return;
      yield { type: "user", message: { role: "user", content }, parent_tool_use_id: null };
    }
  }
}
