import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  answerOf,
  type QueryOptions,
  said as wordsOfAll,
  sdkThat,
  standInMethods,
  turnOf as standInTurn,
  wordsOf,
} from "../../../../test/agents/stand-in-sdk.ts";
import type { Agent, AgentStep, Turn } from "../../../core/agent.ts";
import { HoldfastError } from "../../../core/errors.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { claudeBackend } from "../backend.ts";
import type { ClaudeSdk } from "./sdk-contract.ts";

let store: ReturnType<typeof openMemoryStore>;
let agent: Agent | undefined;

beforeEach(() => (store = openMemoryStore()));
afterEach(async () => {
  await agent?.close?.();
  await store.close();
});

const turnOf = (prompt: string, signal: AbortSignal, model?: string): Turn =>
  standInTurn({ store, body: { prompt, model, cwd: process.cwd() }, signal });

const answering = sdkThat((prompt) => answerOf(prompt));

describe("a turn in a process that goes on", () => {
  test("never ends with the result of the turn before, which was stopped when that had come and was not read", async () => {
    agent = claudeBackend({
      sdk: answering,
    });
    const stop = new AbortController();
    const first = agent.run(turnOf("one", stop.signal))[Symbol.asyncIterator]();
    const isPrompt = ({ value }: IteratorResult<AgentStep>): boolean =>
      value?.kind === "event" && value.event.type === "user";
    while (!isPrompt(await first.next()));
    // All that the process says is there before the turn looks at it.
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort(new Error("cancelled"));
    await expect(first.next()).rejects.toThrow("cancelled");

    const second = await wordsOfAll(agent.run(turnOf("two", new AbortController().signal)));
    expect(second).not.toContain("result: answer to one");
    expect(second).toContain("user: two");
    expect(second.at(-1)).toBe("result: answer to two");
  });
});

describe("a turn with another model", () => {
  const forGood = new AbortController().signal;

  const said = (turn: Turn): Promise<string[]> => wordsOfAll(agent!.run(turn));

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
        return Object.assign(messages(), standInMethods);
      },
    };
    agent = claudeBackend({ sdk: hanging, maxProcesses: 1 });
    const stop = new AbortController();
    const first = (async () => {
      for await (const step of agent!.run(turnOf("one", stop.signal)))
        if (wordsOf(step) === "user: one") stop.abort(lost());
    })();
    await expect(first).rejects.toMatchObject({ code: "lease_lost" });
    const second = agent.run(turnOf("two", new AbortController().signal))[Symbol.asyncIterator]();
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
        return Object.assign(messages(), standInMethods);
      },
    };
    agent = claudeBackend({ sdk: late });
    const stop = new AbortController();
    const first = agent.run(turnOf("one", stop.signal))[Symbol.asyncIterator]().next();
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
