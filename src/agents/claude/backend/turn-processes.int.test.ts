import { afterEach, beforeEach, expect, test } from "vitest";
import {
  answerOf,
  said,
  sdkThat,
  type StandIn,
  turnOf,
  wordsOf,
  type Answer,
} from "../../../../test/agents/stand-in-sdk.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { makeFold } from "../fold.ts";
import type { LiveProcess } from "./live-process.ts";
import { ProcessPool } from "./process-pool.ts";
import type { ClaudeSdk } from "./sdk-contract.ts";
import { playTurn } from "./turn.ts";

let store: ReturnType<typeof openMemoryStore>;
let pool: ProcessPool<LiveProcess>;
let sdk: ClaudeSdk;
/** How many processes were started. */
let started: number;

beforeEach(() => {
  store = openMemoryStore();
  pool = new ProcessPool({ maxProcesses: 2, idleMs: 60_000 });
  started = 0;
});
afterEach(async () => {
  await pool.close();
  await store.close();
});

function standIn(answer: Answer, options?: StandIn): void {
  const one = sdkThat(answer, options);
  sdk = {
    query: (params) => {
      started += 1;
      return one.query(params);
    },
  };
}

function play(body: string, { signal, session }: { signal?: AbortSignal; session?: string } = {}) {
  const turn = turnOf({ store, body, ...(signal && { signal }), ...(session && { session }) });
  const fold = () => makeFold({ projectKey: "p", sessionId: "s" }, undefined);
  const start = { load: async () => sdk, options: {}, partialText: false, fold };
  return playTurn({ turn, pool, start, interruptMs: 1 });
}

test("A process that does not answer an interrupt in time is ended, and the next turn has another.", async () => {
  standIn(
    async function* (prompt, { abortController: { signal } }) {
      const [init, result] = answerOf(prompt);
      yield init;
      if (prompt.message.content === "one") {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        return;
      }
      yield result;
    },
    { methods: { interrupt: () => new Promise(() => undefined) } },
  );
  const stop = new AbortController();
  const first = async (): Promise<void> => {
    for await (const step of play("one", { signal: stop.signal }))
      if (wordsOf(step) === "user: one") stop.abort(new Error("cancelled"));
  };
  await expect(first()).rejects.toThrow("cancelled");
  expect((await said(play("two"))).at(-1)).toBe("result: answer to two");
  expect(started).toBe(2);
});

test("A process whose agent works in the background is kept where another may make room.", async () => {
  standIn((prompt) => {
    const [init, result] = answerOf(prompt);
    const begun = { type: "system", subtype: "task_started", task_id: "t", description: "Build" };
    return prompt.message.content === "build" ? [init, begun, result] : [init, result];
  });
  await said(play("build", { session: "a" }));
  await said(play("one", { session: "b" }));
  await said(play("two", { session: "c" }));
  expect(started).toBe(3);
  await said(play("three", { session: "a" }));
  expect(started).toBe(3);
});
