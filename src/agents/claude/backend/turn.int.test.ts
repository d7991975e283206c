import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Agent, AgentStep, Turn } from "../../../core/agent.ts";
import { HoldfastError } from "../../../core/errors.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { claudeBackend } from "../backend.ts";
import type { ClaudeSdk, SdkPrompt, SdkQuery, SdkSpawn } from "./sdk-contract.ts";

interface QueryOptions {
  readonly abortController: AbortController;
  readonly spawnClaudeCodeProcess: (spawning: SdkSpawn) => unknown;
}

const methods = {
  interrupt: () => Promise.resolve(),
  setModel: () => Promise.resolve(),
  setPermissionMode: () => Promise.resolve(),
};

/** What an SDK answers to a prompt, message by message. */
type Answer = (prompt: SdkPrompt) => readonly object[];

/** An SDK whose process does nothing: it answers each prompt itself, until it is aborted or has no input any more. */
function sdkThat(answer: Answer): ClaudeSdk {
  const query: ClaudeSdk["query"] = ({ prompt, options }) => {
    const { abortController, spawnClaudeCodeProcess } = options as QueryOptions;
    const { signal } = abortController;
    async function* messages(): AsyncGenerator<unknown> {
      const child = spawnClaudeCodeProcess({
        command: process.execPath,
        args: ["-e", "process.stdin.resume()"],
        env: process.env,
        signal,
      }) as { readonly stdin: { end(): void } };
      for await (const one of prompt) {
        if (signal.aborted) return;
        yield* answer(one);
      }
      child.stdin.end();
    }
    return Object.assign(messages(), methods) as SdkQuery;
  };
  return { query };
}

const session = { project: "p", session: "s" };

let store: ReturnType<typeof openMemoryStore>;
let agent: Agent | undefined;

beforeEach(() => (store = openMemoryStore()));
afterEach(async () => {
  await agent?.close?.();
  await store.close();
});

async function turnOf(prompt: string, signal: AbortSignal, model?: string): Promise<Turn> {
  return {
    session,
    run: randomUUID(),
    input: {
      id: randomUUID(),
      key: randomUUID(),
      body: JSON.stringify({ prompt, model, cwd: process.cwd() }),
    },
    attempt: 1,
    signal,
    journal: { step: () => Promise.reject(new Error("No tool is called here.")) },
    store,
    flush: () => Promise.resolve(),
    recent: () => Promise.resolve([]),
  };
}

const saidBy = ({ message: { content } }: SdkPrompt): string => (typeof content === "string" ? content : "");
const words = (step: AgentStep): string | undefined =>
  step.kind === "event" && "text" in step.event ? `${step.event.type}: ${step.event.text}` : undefined;

const answering = sdkThat((prompt) => [
  { type: "system", subtype: "init" },
  { type: "result", subtype: "success", is_error: false, result: `answer to ${saidBy(prompt)}` },
]);

describe("a turn in a process that goes on", () => {
  test("never ends with the result of the turn before, which was stopped when that had come and was not read", async () => {
    agent = claudeBackend({
      sdk: answering,
    });
    const stop = new AbortController();
    const first = agent.run(await turnOf("one", stop.signal))[Symbol.asyncIterator]();
    const isPrompt = ({ value }: IteratorResult<AgentStep>): boolean =>
      value?.kind === "event" && value.event.type === "user";
    while (!isPrompt(await first.next()));
    // All that the process says is there before the turn looks at it.
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error("cancelled"));
    await expect(first.next()).rejects.toThrow("cancelled");

    const second: (string | undefined)[] = [];
    for await (const step of agent.run(await turnOf("two", new AbortController().signal)))
      second.push(words(step));
    expect(second).not.toContain("result: answer to one");
    expect(second).toContain("user: two");
    expect(second.at(-1)).toBe("result: answer to two");
  });
});

describe("a turn with another model", () => {
  const forGood = new AbortController().signal;

  async function said(turn: Promise<Turn>): Promise<(string | undefined)[]> {
    const steps: (string | undefined)[] = [];
    for await (const step of agent!.run(await turn)) steps.push(words(step));
    return steps;
  }

  test.each<[string, () => Promise<void>]>([
    ["does not answer", () => new Promise(() => undefined)],
    ["refuses it", () => Promise.reject(new Error("No such model."))],
  ])("is not held up by a process that %s, and the next one has another process", async (_, setModel) => {
    const asked = Promise.withResolvers<void>();
    const sdk: ClaudeSdk = {
      query: (params) =>
        Object.assign(answering.query(params), {
          setModel: () => {
            asked.resolve();
            return setModel();
          },
        }),
    };
    agent = claudeBackend({ sdk, maxProcesses: 1 });
    await said(turnOf("one", forGood));
    const stop = new AbortController();
    void asked.promise.then(() => setImmediate(() => stop.abort(new Error("cancelled"))));
    await expect(said(turnOf("two", stop.signal, "other"))).rejects.toThrow(/cancelled|No such model/);
    expect((await said(turnOf("three", forGood, "other"))).at(-1)).toBe("result: answer to three");
  });
});

describe("a process whose SDK does not end", () => {
  test("gives its place free all the same once it was killed", async () => {
    const endless = sdkThat(() => []);
    const hanging: ClaudeSdk = {
      query: (params) => {
        const query = endless.query(params);
        async function* messages(): AsyncGenerator<unknown> {
          yield* query;
          await new Promise(() => undefined);
        }
        return Object.assign(messages(), methods);
      },
    };
    agent = claudeBackend({ sdk: hanging, maxProcesses: 1 });
    const stop = new AbortController();
    const first = (async () => {
      for await (const step of agent!.run(await turnOf("one", stop.signal)))
        if (words(step) === "user: one") stop.abort(lost());
    })();
    await expect(first).rejects.toMatchObject({ code: "lease_lost" });
    const second = agent.run(await turnOf("two", new AbortController().signal))[Symbol.asyncIterator]();
    expect((await second.next()).value).toMatchObject({ event: { status: "process_started" } });
    await second.return?.();
  });

  test("is not started any more when the turn was stopped before", async () => {
    const asked = Promise.withResolvers<QueryOptions>();
    const late: ClaudeSdk = {
      query: ({ options }) => {
        async function* messages(): AsyncGenerator<unknown> {
          asked.resolve(options as QueryOptions);
          yield await new Promise(() => undefined);
        }
        return Object.assign(messages(), methods);
      },
    };
    agent = claudeBackend({ sdk: late });
    const stop = new AbortController();
    const first = agent
      .run(await turnOf("one", stop.signal))
      [Symbol.asyncIterator]()
      .next();
    const { spawnClaudeCodeProcess, abortController } = await asked.promise;
    stop.abort(new Error("cancelled"));
    await expect(first).rejects.toThrow("cancelled");
    const spawning = { command: process.execPath, args: ["-e", ""], env: process.env };
    expect(() => spawnClaudeCodeProcess({ ...spawning, signal: abortController.signal })).toThrow(
      "It was stopped before it began.",
    );
  });
});

function lost(): HoldfastError {
  return new HoldfastError({ code: "lease_lost", message: "Lost.", next: "Stop." });
}
