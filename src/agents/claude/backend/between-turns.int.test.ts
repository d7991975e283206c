import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  answerOf,
  type QueryOptions,
  said,
  sdkThat,
  turnOf,
  wordsOf,
} from "../../../../test/agents/stand-in-sdk.ts";
import { storeWith } from "../../../../test/runtime/recovery.ts";
import type { Agent } from "../../../core/agent.ts";
import { HoldfastError } from "../../../core/errors.ts";
import type { Store } from "../../../core/store.ts";
import { Worker } from "../../../runtime/worker.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { claudeBackend } from "../backend.ts";
import type { SdkSessionStore } from "./sdk-contract.ts";

const session = { project: "p", session: "s" };
const sessionId = "0b7a4e0e-6f0c-4f2b-9c3e-2d3c5c1c9a11";
const log = { ...session, log: "" };

let store: Store;
let agents: Agent[];
/** The options of the process that was started last. */
let own: QueryOptions;

beforeEach(() => {
  store = openMemoryStore();
  agents = [];
});
afterEach(async () => {
  for (const agent of agents) await agent.close?.();
  await store.close();
});

/** One response, as an entry of the transcript. */
function response(text: string): Record<string, unknown> {
  const usage = { input_tokens: 3, output_tokens: 5 };
  const content = [{ type: "text", text }];
  const message = { id: `msg_${text}`, role: "assistant", model: "claude-opus-4-1", content, usage };
  return { type: "assistant", uuid: randomUUID(), parentUuid: null, sessionId, message };
}

const appendTo = async ({ sessionStore }: QueryOptions, entry: Record<string, unknown>): Promise<void> =>
  (sessionStore as SdkSessionStore).append({ projectKey: "k", sessionId }, [entry as never]);

/** A backend whose agent answers each prompt with a response of the same words. */
function backend(more: Parameters<typeof sdkThat>[1] = {}): Agent {
  const sdk = sdkThat(async function* (prompt, options) {
    own = options;
    await appendTo(options, response(prompt.message.content as string));
    yield* answerOf(prompt, sessionId);
  }, more);
  const agent = claudeBackend({ sdk, cwd: process.cwd() });
  agents.push(agent);
  return agent;
}

async function say(agent: Agent, prompt: string, on = store): Promise<void> {
  const body = JSON.stringify({ prompt });
  await store.admit({ session, key: randomUUID(), body, provider: "claude-code" });
  await new Worker({ store: on, agents: [agent], owner: "w" }).drain();
}

async function transcript(): Promise<string[]> {
  const { entries } = await store.read({ log });
  return entries.map(({ body }) => (JSON.parse(body) as ReturnType<typeof response>).message).map(textIn);
}

function textIn(message: unknown): string {
  return (message as { readonly content: readonly { readonly text: string }[] }).content[0]!.text;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const over = new AbortController();
  for await (const _ of store.watch({ after: 0 }, over.signal)) if (await isSo()) break;
  over.abort();
}

async function responses(): Promise<number> {
  const groups = await store.usage({ by: "session" });
  return groups.reduce((sum, group) => sum + group.responses, 0);
}

describe("what the agent says between two turns", () => {
  test("is stored and counted as it comes, and whoever has the next turn goes on from it", async () => {
    await say(backend(), "one");
    await appendTo(own, response("nobody asked"));
    await until(async () => (await transcript()).length === 2);
    expect(await responses()).toBe(2);
    const other = backend();
    await say(other, "two");
    const loaded = await (own.sessionStore as SdkSessionStore).load!({ projectKey: "k", sessionId });
    expect(loaded?.map(({ message }) => textIn(message))).toEqual(["one", "nobody asked", "two"]);
  });

  test("waits for the end of the run that it comes behind, and for a store that fails", async () => {
    const failures: string[] = [];
    const committing = Promise.withResolvers<void>();
    const looked = Promise.withResolvers<void>();
    const failing = storeWith(store, {
      // The agent looks whether its run is over.
      runs: async (params) => {
        if (own !== undefined && failures.length === 0) looked.resolve();
        return await store.runs(params);
      },
      commit: async (params) => {
        await appendTo(own, response("nobody asked"));
        committing.resolve();
        await looked.promise;
        return await store.commit(params);
      },
      append: async (params) => {
        if (params.run === undefined && params.log.log === "" && failures.length === 0) {
          failures.push("busy");
          throw busy();
        }
        return await store.append(params);
      },
    });
    await say(backend(), "one", failing);
    await committing.promise;
    await until(async () => (await transcript()).length === 2);
    expect(await transcript()).toEqual(["one", "nobody asked"]);
    expect(failures).toEqual(["busy"]);
  });

  test("is nobody's where another one has the next turn", async () => {
    await say(backend(), "one");
    const first = own;
    const elsewhere = backend();
    await say(elsewhere, "two");
    await appendTo(first, response("late"));
    await agents[0]!.close!();
    expect(await transcript()).toEqual(["one", "two"]);
    // It was paid for all the same.
    expect(await responses()).toBe(3);
  });

  test("is stored where the process dies, before its session has another", async () => {
    const failing = storeWith(store, {
      append: async (params) => {
        if (params.run === undefined && dying === undefined) throw busy();
        return await store.append(params);
      },
    });
    let dying: Promise<void> | undefined;
    const agent = backend();
    await say(agent, "one", failing);
    void appendTo(own, response("its last words"));
    own.abortController.abort();
    dying = say(agent, "two", failing);
    await dying;
    expect(await transcript()).toEqual(["one", "its last words", "two"]);
  });
});

test("A process is ended though its store fails in an unknown way, and its backend says how.", async () => {
  let isBroken = false;
  const ended = Promise.withResolvers<void>();
  const failing = storeWith(store, {
    read: async (params) => {
      if (isBroken) throw new Error("The connection has ended.");
      return await store.read(params);
    },
  });
  const agent = backend({ onEnd: ended.resolve });
  await say(agent, "one", failing);
  isBroken = true;
  await expect(agent.close!()).rejects.toThrow("The connection has ended.");
  await ended.promise;
});

describe("what a response used is counted once", () => {
  /** An agent that is at work until it is stopped, and then tells what it had said by then. */
  function hanging(): Agent {
    const stopped = Promise.withResolvers<void>();
    const sdk = sdkThat(
      async function* (prompt, options) {
        own = options;
        const [init, result] = answerOf(prompt, sessionId);
        yield init;
        yield { type: "system", subtype: "notification", text: "at work" };
        await stopped.promise;
        await appendTo(options, response("cut short"));
        yield result;
      },
      {
        methods: {
          interrupt: async () => stopped.resolve(),
        },
      },
    );
    const agent = claudeBackend({ sdk, cwd: process.cwd() });
    agents.push(agent);
    return agent;
  }

  test("where its turn was stopped, though no turn comes after it", async () => {
    const agent = hanging();
    const stop = new AbortController();
    const stopped = async (): Promise<void> => {
      for await (const step of agent.run(turnOf({ store, body: "one", signal: stop.signal })))
        if (wordsOf(step) === "notice: at work") stop.abort(new Error("cancelled"));
    };
    await expect(stopped()).rejects.toThrow("cancelled");
    await agent.close!();
    expect(await responses()).toBe(1);
  });

  test("where its turn has lost the session", async () => {
    const agent = backend();
    const stop = new AbortController();
    const lost = new HoldfastError({ code: "lease_lost", message: "Lost.", next: "Stop." });
    const stopped = async (): Promise<void> => {
      for await (const step of agent.run(turnOf({ store, body: "one", signal: stop.signal })))
        if (wordsOf(step) === "user: one") {
          // All that the process says is there before the turn looks at it.
          await new Promise((resolve) => setImmediate(resolve));
          stop.abort(lost);
        }
    };
    await expect(stopped()).rejects.toThrow("Lost.");
    await agent.close!();
    expect(await responses()).toBe(1);
    expect(await transcript()).toEqual([]);
  });

  test("where the process is closed before another turn", async () => {
    await said(backend().run(turnOf({ store, body: "one" })));
    await appendTo(own, response("nobody asked"));
    await agents[0]!.close!();
    expect(await responses()).toBe(1);
  });
});

function busy(): HoldfastError {
  return new HoldfastError({ code: "store_busy", message: "Busy.", next: "Again.", retryable: true });
}
