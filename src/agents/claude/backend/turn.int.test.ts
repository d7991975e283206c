import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Agent, AgentStep, Turn } from "../../../core/agent.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { claudeBackend } from "../backend.ts";
import type { ClaudeSdk, SdkPrompt, SdkQuery, SdkSpawn } from "./sdk-contract.ts";

interface QueryOptions {
  readonly abortController: AbortController;
  readonly spawnClaudeCodeProcess: (spawning: SdkSpawn) => unknown;
}

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
    const methods = {
      interrupt: async () => {},
      setModel: async () => {},
      setPermissionMode: async () => {},
    };
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

async function turnOf(prompt: string, signal: AbortSignal): Promise<Turn> {
  return {
    session,
    run: randomUUID(),
    input: { id: randomUUID(), key: randomUUID(), body: JSON.stringify({ prompt, cwd: process.cwd() }) },
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

describe("a turn in a process that goes on", () => {
  test("never ends with the result of the turn before, which was stopped when that had come and was not read", async () => {
    agent = claudeBackend({
      sdk: sdkThat((prompt) => [
        { type: "system", subtype: "init" },
        { type: "result", subtype: "success", is_error: false, result: `answer to ${saidBy(prompt)}` },
      ]),
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
