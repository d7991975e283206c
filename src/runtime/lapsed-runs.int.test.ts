import { describe, expect, test } from "vitest";
import { scriptedAgent } from "../agents/scripted/index.ts";
import type { Agent } from "../core/agent.ts";
import type { Store } from "../core/store.ts";
import { logKey, sessionKey } from "../testing/store-suite/samples.ts";
import { admitTo, leaseMs } from "../testing/store-suite/work-samples.ts";
import { onEachStore } from "../../test/runtime/each-store.ts";
import { beginRun, leave, stoppedClock, storeWith } from "../../test/runtime/recovery.ts";
import { LapsedRuns } from "./lapsed-runs.ts";
import type { Reconciled } from "./recover-run.ts";
import { Worker, type WorkerParams } from "./worker.ts";

describe("a worker beside others", () => {
  onEachStore(({ open }) => {
    async function fresh() {
      const clock = stoppedClock();
      return { clock, store: await open(clock) };
    }

    test("ends the runs that a dead one has left, whatever they came to, and answers their inputs", async () => {
      const { clock, store } = await fresh();
      await leave(store, clock, { a: "open", b: "done", c: "corrupt" });
      const { worker, done } = watched(store);
      const working = worker.run();
      await until(async () => done.length === 3 && (await stateOf(store, "a")) === "consumed");
      await worker.stop();
      await working;
      expect(Object.fromEntries(done.map(({ run, result }) => [run.session, result]))).toEqual({
        a: "interrupted",
        b: "committed",
        c: "held",
      });
      expect(await store.inputs({ session: sessionKey("a") })).toMatchObject([{ attempts: 2 }]);
      expect(await stateOf(store, "b")).toBe("consumed");
      expect(await store.runs({ state: "held" })).toMatchObject({ runs: [{ session: "c" }] });
    });

    test("disturbs no live run, and none whose agent it does not have", async () => {
      const { clock, store } = await fresh();
      await admitTo(store, "b", "k", { provider: "other" });
      const other = await store.claim({ worker: "w-1", leaseMs, session: "b" });
      await leave(store, clock, { c: "done" });
      const live = await beginRun(store, "a");
      const { worker, done } = watched(store);
      const working = worker.run();
      await until(async () => (await stateOf(store, "c")) === "consumed");
      await worker.stop();
      await working;
      expect(done.map(({ run }) => run.session)).toEqual(["c"]);
      expect(await store.lease(sessionKey("a"))).toEqual(live.lease);
      expect(await store.run({ run: live.run.id })).toEqual(live.run);
      expect(await store.run({ run: other!.run.id })).toEqual(other!.run);
    });

    test("commits a finished run also where its agent has given an old entry again", async () => {
      const { clock, store } = await fresh();
      const entry = (uuid: string) => ({ kind: "entry", log: "", entry: { body: "{}", uuid } }) as const;
      const repeating: Agent = {
        ...scriptedAgent(),
        async *run({ input }) {
          yield entry("old");
          if (input.key === "second") yield entry("old");
          yield { kind: "event", event: { type: "result", ok: true, text: input.key } };
        },
      };
      const agents = [repeating];
      await admitTo(store, "a", "first", { provider: "scripted" });
      await new Worker({ store, agents, owner: "w-1", leaseMs }).drain();
      await admitTo(store, "a", "second", { provider: "scripted" });
      const dying = storeWith(store, { commit: () => Promise.reject(new Error("The process is gone.")) });
      const ended: unknown[] = [];
      const onEnd = (_: unknown, how: unknown): void => void ended.push(how);
      await new Worker({ store: dying, agents, owner: "w-1", leaseMs, onEnd }).drain();
      expect(ended).toMatchObject([{ as: "lost" }]);
      clock.advance(leaseMs);
      const lapsed = new LapsedRuns({ store, agents, owner: "w-2", leaseMs, onRecovered: () => undefined });
      expect(await lapsed.endSome(new AbortController().signal)).toBe(1);
      expect((await store.runs({})).runs.map(({ state }) => state)).toEqual(["committed", "committed"]);
      expect(await store.read({ log: logKey("a") })).toMatchObject({ head: 1, committed: 1 });
    });

    test("tells once of what it cannot end, and ends and runs the rest", async () => {
      const { clock, store } = await fresh();
      const { b } = await leave(store, clock, { a: "done", b: "open" });
      await admitTo(store, "c", "k", { provider: "scripted" });
      let tries = 0;
      const failing = storeWith(store, {
        tail: ({ run }) => {
          if (run !== b!.run.id) return store.tail({ run });
          tries += 1;
          return Promise.reject(new Error("The page is gone."));
        },
      });
      const faults: unknown[] = [];
      const { worker, done } = watched(failing, { onError: (error) => void faults.push(error) });
      const working = worker.run();
      await until(async () => tries > 2 && (await stateOf(store, "c")) === "consumed");
      await worker.stop();
      await working;
      expect(await stateOf(store, "a")).toBe("consumed");
      expect(done.map(({ run, result }) => [run.session, result])).toEqual([
        ["b", "failed"],
        ["a", "committed"],
      ]);
      expect(faults.map(String)).toEqual([expect.stringContaining("The page is gone.")]);
      expect(await store.read({ log: logKey("b") })).toMatchObject({ entries: [] });
    });

    test("looks at a page of the open runs at a time, and comes to each of them", async () => {
      const { clock, store } = await fresh();
      const dead = await beginRun(store, "dead");
      clock.advance(leaseMs);
      for (let n = 0; n < 100; n += 1) await beginRun(store, `live-${n}`);
      let looks = 0;
      const counting = storeWith(store, { lease: (key) => ((looks += 1), store.lease(key)) });
      const params = { store: counting, agents: [scriptedAgent()], owner: "w-2", leaseMs };
      const lapsed = new LapsedRuns({ ...params, onRecovered: () => undefined });
      const { signal } = new AbortController();
      expect([await lapsed.endSome(signal), looks]).toEqual([0, 100]);
      expect([await lapsed.endSome(signal), looks]).toEqual([1, 101]);
      expect(await store.run({ run: dead.run.id })).toMatchObject({ state: "interrupted" });
      expect([await lapsed.endSome(signal), looks]).toEqual([0, 201]);
    });
  });
});

function watched(store: Store, params: Partial<WorkerParams> = {}) {
  const done: Reconciled[] = [];
  const own = { store, agents: [scriptedAgent()], owner: "w-2", leaseMs: 600 };
  const onRecovered = (one: Reconciled): void => void done.push(one);
  return { done, worker: new Worker({ ...own, onRecovered, ...params }) };
}

async function stateOf(store: Store, session: string): Promise<string | undefined> {
  return (await store.inputs({ session: sessionKey(session) }))[0]?.state;
}

/** Polls what only the store knows; the test's own time limit ends it. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}
