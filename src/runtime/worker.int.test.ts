import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Agent } from "../core/agent.ts";
import { HoldfastError } from "../core/errors.ts";
import type { RunEvent } from "../core/event.ts";
import { eventLog } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import { scriptedAgent } from "../agents/scripted/index.ts";
import { openMemoryStore } from "../stores/memory/index.ts";
import { Connection } from "../stores/sqlite/connection.ts";
import { openSqliteStore } from "../stores/sqlite/index.ts";
import type { Ended } from "./execute.ts";
import { withVerbs } from "../../test/chaos/with-verbs.ts";
import { Worker, type WorkerParams } from "./worker.ts";

const session = { project: "p", session: "s" };
const main = { ...session, log: "" };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-worker-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe.each<[string, () => Store]>([
  ["memory", () => openMemoryStore()],
  ["SQLite", () => openSqliteStore({ path: join(folder, "holdfast.db") })],
])("a worker on %s", (_, open) => {
  let store: Store;
  let ended: Ended[];
  let events: RunEvent[];

  beforeEach(() => {
    store = open();
    ended = [];
    events = [];
  });
  afterEach(() => store.close());

  function worker(params: Partial<WorkerParams> = {}): Worker {
    return new Worker({
      store,
      agents: [scriptedAgent()],
      owner: "w",
      onEnd: (_claim, how) => void ended.push(how),
      onEvent: (_claim, event) => void events.push(event),
      ...params,
    });
  }

  async function admit(prompt: string, key = prompt, at = session): Promise<void> {
    await store.admit({ session: at, key, body: JSON.stringify({ prompt }), provider: "scripted" });
  }

  test("commits a turn with its transcript, events, usage and resume token", async () => {
    await admit("say Hello.; tool Read idempotent; usage 10 20");
    await worker().drain();
    expect(ended).toMatchObject([{ as: "committed", ok: true }]);
    const row = await store.session(session);
    expect(row).toMatchObject({ provider: "scripted", revision: 1, entries: row!.mainHead });
    expect(row!.resumeToken).toEqual(expect.any(String));
    const { runs } = await store.runs({ session });
    expect(runs).toMatchObject([{ state: "committed", attempt: 1, receipt: { revision: 1 } }]);
    const { entries } = await store.read({ log: { ...session, log: eventLog(runs[0]!.id) } });
    expect(JSON.parse(entries.at(-1)!.body)).toMatchObject({ type: "result", ok: true });
    expect(await store.usage({ by: "model" })).toMatchObject([
      { responses: 1, tokens: { input: 10, output: 20 } },
    ]);
    expect(await store.inputs({ session })).toMatchObject([{ state: "consumed", attempts: 1 }]);
    expect(await store.lease(session)).toBe(null);
  });

  test("drains also what becomes ready while a claim that found nothing is answered", async () => {
    for (const key of ["first", "second", "third"]) await admit("say Hello.", key);
    const slow: Store = withVerbs(store, {
      claim: async (params) => {
        const claim = await store.claim(params);
        const before = ended.length;
        if (claim === null && (await store.runs({ state: "running" })).runs.length > 0)
          await vi.waitUntil(() => ended.length > before);
        return claim;
      },
    });
    await worker({ store: slow }).drain();
    expect((await store.inputs({ session })).map(({ state }) => state)).toEqual(Array(3).fill("consumed"));
  });

  /** The store, whose second claim fails, while another one of it is answered late. */
  function failingOnce(retryable: boolean): Store {
    let claims = 0;
    return withVerbs(store, {
      claim: async (params) => {
        claims += 1;
        if (claims === 2)
          throw new HoldfastError({ code: "store_busy", message: "Busy.", next: "Again.", retryable });
        if (claims === 3) await new Promise((resolve) => setImmediate(resolve));
        return await store.claim(params);
      },
    });
  }

  test.each([
    ["goes on where a claim may be tried again, and tells of it", true, 4],
    ["leaves no run open where a claim fails for good, and throws that", false, 2],
  ])("drains: %s", async (_name, retryable, runs) => {
    for (const name of ["a", "b", "c", "d"]) await admit("say One.", name, { project: "p", session: name });
    const told: unknown[] = [];
    const draining = worker({ store: failingOnce(retryable), onError: (error) => void told.push(error) });
    const thrown = await draining.drain().catch((error: unknown) => error);
    const busy = expect.objectContaining({ code: "store_busy" });
    expect([thrown, told]).toEqual(retryable ? [undefined, [busy]] : [busy, []]);
    expect(ended.map(({ as }) => as)).toEqual(Array(runs).fill("committed"));
    expect((await store.runs({ state: "running" })).runs).toEqual([]);
  });

  test("shows nothing before the boundary, and says the result only after it", async () => {
    await admit("say One.; say Two.");
    const seen: string[] = [];
    const spying: Agent = {
      ...scriptedAgent(),
      async *run(turn) {
        for await (const step of scriptedAgent().run(turn)) {
          await turn.flush();
          const [row, read] = [await store.session(session), await store.read({ log: main })];
          if (row !== null || read.entries.length > 0) seen.push("too early");
          yield step;
        }
      },
    };
    const committedAtResult: boolean[] = [];
    const watching = worker({
      agents: [spying],
      onEvent: (_claim, { type }) => void (type === "result" && ended.length === 0 && seen.push("result")),
      onEnd: (_claim, how) => void committedAtResult.push(how.as === "committed"),
    });
    await watching.drain();
    expect(seen).toEqual(["result"]);
    expect(committedAtResult).toEqual([true]);
    expect((await store.read({ log: main })).entries.length).toBeGreaterThan(2);
  });

  test("interrupts a run whose agent throws, closes its transcript, and gives up after three attempts", async () => {
    const failing: Agent = {
      ...scriptedAgent(),
      async *run(turn) {
        let steps = 0;
        for await (const step of scriptedAgent().run(turn)) {
          if ((steps += 1) > 3) throw new Error("the model is gone");
          yield step;
        }
      },
    };
    await admit("say One.; say Two.");
    await worker({ agents: [failing] }).drain();
    expect(ended.map(({ as }) => as)).toEqual(["interrupted", "interrupted", "interrupted"]);
    expect(await store.inputs({ session })).toMatchObject([
      { state: "abandoned", attempts: 3, reason: "the model is gone" },
    ]);
    await admit("say Still here.");
    await worker().drain();
    expect(ended.at(-1)).toMatchObject({ as: "committed" });
    expect(await store.session(session)).toMatchObject({ revision: 1 });
  });

  test("runs the inputs of one session in order, and sessions beside each other", async () => {
    for (let n = 0; n < 4; n += 1)
      for (const name of ["a", "b", "c"]) await admit(`say ${n}`, `${n}`, { project: "p", session: name });
    await worker({ maxRuns: 2 }).drain();
    expect(ended.length).toBe(12);
    for (const name of ["a", "b", "c"]) {
      const { entries } = await store.read({ log: { project: "p", session: name, log: "" } });
      const said = entries.flatMap(({ body }) => /"text":"(\d)"/.exec(body)?.[1] ?? []);
      expect(said).toEqual(["0", "1", "2", "3"]);
    }
  });

  test("takes what is admitted while it runs, and stops a run whose input is cancelled", async () => {
    const running = worker();
    const done = running.run();
    await admit("say First.");
    await admit("slow 600000");
    await until(async () => (await store.inputs({ session, key: "slow 600000" }))[0]?.state === "running");
    const [input] = await store.inputs({ session, key: "slow 600000" });
    await store.cancel({ session, input: input!.id, actor: "test", reason: "too slow" });
    await until(async () => ended.length === 2);
    expect(ended[1]).toEqual({ as: "interrupted", reason: "too slow" });
    expect((await store.inputs({ session }))[0]).toMatchObject({ state: "cancelled", reason: "too slow" });
    await running.stop();
    await done;
  });

  test("stops by itself when an operator clears the lease, and writes nothing more", async () => {
    const running = worker({ leaseMs: 600 });
    await admit("say Before.; slow 600000");
    const done = running.drain();
    await until(async () => (await store.runs({ session })).runs.length === 1);
    await store.clearLease({ session, actor: "test" });
    await until(async () => ended.length === 1);
    expect(ended[0]).toMatchObject({ as: "lost" });
    expect(await store.session(session)).toBe(null);
    await done;
  });

  test("commits a turn that was finished before it was stopped, whatever its agent does afterwards", async () => {
    const cleaning: Agent = {
      ...scriptedAgent(),
      async *run(turn) {
        yield* scriptedAgent().run(turn);
        throw new Error("the clean-up failed");
      },
    };
    await admit("say One.");
    await worker({ agents: [cleaning] }).drain();
    const stopping: Agent = {
      ...scriptedAgent(),
      async *run(turn) {
        yield* scriptedAgent().run(turn);
        stopped = running.stop({ cancel: true });
      },
    };
    await admit("say Two.");
    let stopped: Promise<void> | undefined;
    const running: Worker = worker({ agents: [stopping] });
    await running.drain();
    await stopped;
    expect(ended.map(({ as }) => as)).toEqual(["committed", "committed"]);
    expect(await store.inputs({ session })).toMatchObject([{ attempts: 1 }, { attempts: 1 }]);
  });

  test.each([
    ["commits a turn that was stopped when its agent had said that the answer is there", true, "committed"],
    [
      "interrupts a turn that was stopped before its agent said that the answer is there",
      false,
      "interrupted",
    ],
  ])("%s", async (_, isFirst, as) => {
    const bringingIn: Agent = {
      ...scriptedAgent(),
      async *run(turn) {
        yield { kind: "event", event: { type: "notice", text: "At work." } };
        if (isFirst) turn.answered();
        void running.stop({ cancel: true });
        if (!isFirst) turn.answered();
        yield { kind: "event", event: { type: "notice", text: "This belongs to it." } };
        yield* scriptedAgent().run({ ...turn, signal: new AbortController().signal });
      },
    };
    await admit("say One.");
    const running: Worker = worker({ agents: [bringingIn] });
    await running.drain();
    expect(ended).toMatchObject([{ as }]);
  });

  test("tells nothing more of an agent that has its answer once it has lost its lease", async () => {
    const answering: Agent = {
      ...scriptedAgent(),
      async *run(turn) {
        turn.answered();
        yield { kind: "event", event: { type: "notice", text: "This belongs to it." } };
        // Else what was told is refused first, and not what is still to come.
        await turn.flush();
        await store.clearLease({ session, actor: "test" });
        if (!turn.signal.aborted)
          await new Promise((resolve) => turn.signal.addEventListener("abort", resolve));
        yield { kind: "event", event: { type: "notice", text: "This comes too late." } };
      },
    };
    await admit("say One.");
    await worker({ agents: [answering], leaseMs: 600 }).drain();
    expect(ended).toMatchObject([{ as: "lost" }]);
    expect(events).toMatchObject([{ text: "This belongs to it." }]);
  });

  test("takes no entry of its agent for a log of Holdfast's own, and counts the greatest usage", async () => {
    const forging: Agent = {
      ...scriptedAgent(),
      async *run() {
        const tokens = { input: 1, output: 100, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
        const usage = { type: "usage", key: "k", model: "m" } as const;
        yield { kind: "event", event: { ...usage, tokens } };
        yield { kind: "event", event: { ...usage, tokens: { ...tokens, output: 5 } } };
        yield { kind: "entry", log: "@steps/2", entry: { body: "{}" } };
      },
    };
    await admit("say One.");
    await worker({ agents: [forging] }).drain();
    expect(ended[0]).toMatchObject({ as: "interrupted", reason: expect.stringContaining("Holdfast's own") });
    expect(await store.usage({ by: "model" })).toMatchObject([{ tokens: { output: 100 } }]);
    expect((await store.read({ log: { ...session, log: "@steps/2" } })).head).toBe(0);
  });

  test("does a step that is asked for twice at once one time", async () => {
    const calls: string[] = [];
    const twice: Agent = {
      ...scriptedAgent(),
      async *run({ journal }) {
        const step = () => journal.step("pay", "1", "unsafe", async ({ key }) => calls.push(key));
        const values = await Promise.all([step(), step()]);
        yield { kind: "event", event: { type: "result", ok: true, text: values.join() } };
      },
    };
    await admit("pay");
    await worker({ agents: [twice] }).drain();
    expect(ended).toMatchObject([{ as: "committed", text: "1,1" }]);
    expect(calls).toEqual(["1"]);
  });

  test("a planned stop uses up no try of the input, however often it comes", async () => {
    await admit("slow 600000");
    for (let stops = 1; stops <= 4; stops += 1) {
      const running = worker();
      const done = running.run();
      await until(async () => (await store.inputs({ session }))[0]?.state === "running");
      await running.stop({ cancel: true });
      await done;
      expect(await store.inputs({ session })).toMatchObject([{ state: "queued", attempts: 0 }]);
    }
    const failing: Agent = {
      ...scriptedAgent(),
      run: () => {
        throw new Error("the model is gone");
      },
    };
    await worker({ agents: [failing] }).drain();
    expect((await store.runs({ session })).runs.map(({ attempt }) => attempt)).toEqual([7, 6, 5, 4, 3, 2, 1]);
    expect(await store.inputs({ session })).toMatchObject([{ state: "abandoned", attempts: 3 }]);
  });

  test("stops at once, also when a claim is on its way", async () => {
    await admit("slow 600000");
    const running = worker();
    const done = running.run();
    await running.stop({ cancel: true });
    await done;
    expect(await store.runs({ state: "running" })).toEqual({ runs: [] });
  });

  test("commits although its agent's fold throws", async () => {
    const folding: Agent = {
      ...scriptedAgent(),
      fold: () => () => {
        throw new Error("no title");
      },
    };
    await admit("say One.");
    await worker({ agents: [folding] }).drain();
    expect(ended).toMatchObject([{ as: "committed" }]);
    expect(await store.session(session)).toMatchObject({ revision: 1, summary: null });
  });

  test("does a step once over all attempts of its input", async () => {
    const calls: string[] = [];
    let crashes = 2;
    const agent = scriptedAgent({
      tool: async ({ key }) => {
        calls.push(key);
        return "ok";
      },
    });
    const crashing: Agent = {
      ...agent,
      async *run(turn) {
        for await (const step of agent.run(turn)) {
          yield step;
          if (step.kind === "event" && step.event.type === "tool_summary" && crashes-- > 0)
            throw new Error("gone");
        }
      },
    };
    await admit("tool Deploy unsafe");
    await worker({ agents: [crashing] }).drain();
    expect(ended.map(({ as }) => as)).toEqual(["interrupted", "interrupted", "committed"]);
    expect(calls.length).toBe(1);
  });
});

test("a turn of twenty entries takes four durable transactions on SQLite", async () => {
  using perform = vi.spyOn(Connection.prototype, "perform");
  const store = openSqliteStore({ path: join(folder, "holdfast.db") });
  const prompt = Array.from({ length: 9 }, (_, n) => `say ${n}`).join(";");
  await store.admit({ session, key: "k", body: JSON.stringify({ prompt }), provider: "scripted" });
  await new Worker({ store, agents: [scriptedAgent()], owner: "w" }).drain();
  expect((await store.runs()).runs[0]).toMatchObject({ state: "committed", receipt: { entries: 22 } });
  expect(perform.mock.calls.filter(([sql]) => sql === "COMMIT").length).toBe(4);
  await store.close();
});

/** Polls what only the store knows; the test's own time limit ends it. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}
