import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { scriptedAgent } from "../../src/agents/scripted/index.ts";
import { HoldfastError } from "../../src/core/errors.ts";
import { fateOf } from "../../src/core/input.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { Store } from "../../src/core/store.ts";
import type { Ended } from "../../src/runtime/execute.ts";
import { reconcile } from "../../src/runtime/reconcile.ts";
import type { Timers } from "../../src/runtime/timers.ts";
import { Worker, type WorkerParams } from "../../src/runtime/worker.ts";
import { openMemoryStore } from "../../src/stores/memory/index.ts";
import { postgresStores } from "../postgres/stores.ts";
import { withVerbs } from "./with-verbs.ts";

const project = "p";
const prompt = "say One.; tool Put idempotent; usage 3 4; say Two.";
/** A retry waits for nothing here, and no lease is renewed. */
const timers: Timers = {
  now: () => performance.now(),
  wait: (ms, signal) =>
    new Promise((resolve) => {
      if (ms < 1000 || signal.aborted) setImmediate(resolve);
      else signal.addEventListener("abort", () => resolve(), { once: true });
    }),
};
let aheadMs: number;
let store: Store;
let ended: Ended[];

const clock: Clock = { now: () => Date.now() + aheadMs };
const onServer = postgresStores();
const drivers: Readonly<Record<string, () => Promise<Store>>> = {
  "a memory store": async () => openMemoryStore({ clock }),
  PostgreSQL: () => onServer.open(clock),
};

describe.each(Object.entries(drivers))("on %s", (_driver, open) => {
  beforeEach(async () => {
    aheadMs = 0;
    store = await open();
    ended = [];
  });
  afterEach(() => store.close());

  describe("a worker whose commit is not answered", () => {
    test("asks again, and the turn is committed once with one receipt", async () => {
      let lost = 2;
      await admit("a", "k");
      const losing = withVerbs(store, {
        commit: async (params) => {
          const result = await store.commit(params);
          if ((lost -= 1) >= 0) throw new Error("the connection is gone");
          return result;
        },
      });
      await worker({ store: losing }).drain();
      const [run] = (await store.runs()).runs;
      expect(ended).toEqual([expect.objectContaining({ as: "committed", receipt: run!.receipt })]);
      expect(await store.session({ project, session: "a" })).toMatchObject({ revision: 1 });
      expect(await store.usage({ by: "model" })).toMatchObject([{ responses: 1 }]);
    });

    test("never says that it failed, and whoever looks the key up learns what became of it", async () => {
      await admit("a", "committed");
      await admit("b", "open");
      let calls = 0;
      const mute = withVerbs(store, {
        commit: async (params) => {
          calls += 1;
          if (params.session.session === "a") await store.commit(params);
          throw new Error("the connection is gone");
        },
      });
      await worker({ store: mute, maxRuns: 1 }).drain();
      expect(ended.map(({ as }) => as)).toEqual(["lost", "lost"]);
      expect(calls).toBe(8);
      expect(fateOf((await store.inputs({ key: "committed" }))[0])).toBe("committed");
      expect(fateOf((await store.inputs({ key: "open" }))[0])).toBe("in_progress");
      aheadMs += 60_000;
      expect(await reconcile({ store, owner: "r" })).toMatchObject({ runs: [{ result: "committed" }] });
      await worker().drain();
      expect(fateOf((await store.inputs({ key: "open" }))[0])).toBe("committed");
      expect((await store.runs()).runs.map(({ state }) => state)).toEqual(["committed", "committed"]);
    });
  });

  describe("a worker whose commit is refused", () => {
    test("commits by what is stored where that is accepted, and the session takes its next turn", async () => {
      await admit("a", "k");
      await admit("a", "next");
      let refusals = 1;
      const refusing = withVerbs(store, {
        commit: async (params) => {
          if ((refusals -= 1) >= 0) await store.commit({ ...params, parts: [] });
          return await store.commit(params);
        },
      });
      await worker({ store: refusing }).drain();
      expect(ended.map(({ as }) => as)).toEqual(["committed", "committed"]);
      expect(await reconcile({ store, owner: "r" })).toMatchObject({ looked: 0, runs: [] });
      const { runs } = await store.runs();
      expect(runs).toMatchObject([{ state: "committed" }, { state: "committed", attempt: 1 }]);
    });

    test("leaves every other session to its work", async () => {
      await admit("a", "k");
      await admit("b", "k");
      const refusing = withVerbs(store, {
        commit: async (params) => {
          if (params.session.session === "a") throw refused();
          return await store.commit(params);
        },
      });
      await worker({ store: refusing }).drain();
      expect(ended.filter(({ as }) => as === "discarded").length).toBe(3);
      expect(await store.session({ project, session: "a" })).toBe(null);
      expect((await store.inputs({ session: { project, session: "b" } }))[0]).toMatchObject({
        state: "consumed",
      });
      expect((await store.inputs({ session: { project, session: "a" } }))[0]).toMatchObject({
        state: "abandoned",
      });
    });
  });

  describe("a worker whose claim fails", () => {
    test("calls no model and no tool", async () => {
      await admit("a", "k");
      let calls = 0;
      const agent = scriptedAgent();
      const counting = {
        ...agent,
        run: (turn: Parameters<typeof agent.run>[0]) => ((calls += 1), agent.run(turn)),
      };
      const failing = withVerbs(store, { claim: () => Promise.reject(new Error("the disk is full")) });
      await expect(worker({ store: failing, agents: [counting] }).drain()).rejects.toThrow(
        "the disk is full",
      );
      expect(calls).toBe(0);
      expect((await store.inputs({ key: "k" }))[0]).toMatchObject({ state: "queued", attempts: 0 });
    });
  });

  describe("a turn that is given up", () => {
    test("at any call of the store is committed or interrupted, as its worker says, and stays so", async () => {
      const outcomes = new Set<string>();
      for (let at = 1; at <= 40; at += 1) {
        const session = `s${at}`;
        await admit(session, "k");
        let calls = 0;
        const own = new Map<string, Ended>();
        const stopping: Worker = worker({
          store: countingCalls(store, () => {
            if ((calls += 1) === at) void stopping.stop({ cancel: true });
          }),
          session,
          onEnd: ({ run }, how) => void own.set(run.id, how),
        });
        await stopping.drain();
        const before = (await store.runs({ session: { project, session } })).runs;
        for (const { id, state } of before) expect(own.get(id)?.as).toBe(state);
        await new Promise((resolve) => setImmediate(resolve));
        expect((await store.runs({ session: { project, session } })).runs).toEqual(before);
        for (const { state } of before) outcomes.add(state);
      }
      expect([...outcomes].toSorted()).toEqual(["committed", "interrupted"]);
    });
  });

  describe("an input that is admitted while its session is recovered", () => {
    test("keeps its place behind the one that is tried again", async () => {
      await admit("a", "first");
      await store.claim({ worker: "dead", leaseMs: 1000 });
      aheadMs += 1000;
      const admitting = withVerbs(store, {
        tail: async (params) => {
          const tail = await store.tail(params);
          await admit("a", "second");
          return tail;
        },
      });
      expect(await reconcile({ store: admitting, owner: "r" })).toMatchObject({
        runs: [{ result: "interrupted" }],
      });
      const order: string[] = [];
      await worker({ onEnd: ({ input }) => void order.push(input.key) }).drain();
      expect(order).toEqual(["first", "second"]);
    });
  });

  describe("a hook that throws behind the boundary", () => {
    test("takes nothing back: the turn is committed, and its worker says so", async () => {
      await admit("a", "k");
      await admit("a", "next");
      const faults: unknown[] = [];
      const onEvent: WorkerParams["onEvent"] = (_claim, { type }) => {
        if (type === "result") throw new Error("the viewer is gone");
      };
      await worker({ onEvent, onError: (error) => void faults.push(error) }).drain();
      expect((await store.runs()).runs.map(({ state }) => state)).toEqual(["committed", "committed"]);
      expect(ended.map(({ as }) => as)).toEqual(["committed", "committed"]);
      expect(faults.length).toBe(2);
    });

    test("stops no worker: the next input is run", async () => {
      await admit("a", "k");
      await admit("a", "next");
      const onEnd = (): never => {
        throw new Error("the viewer is gone");
      };
      const faults: unknown[] = [];
      await worker({ onEnd, onError: (error) => void faults.push(error) }).drain();
      expect((await store.inputs({})).map(({ state }) => state)).toEqual(["consumed", "consumed"]);
      expect(faults.length).toBe(2);
    });
  });
});

function worker(params: Partial<WorkerParams> = {}): Worker {
  const onEnd: WorkerParams["onEnd"] = (_claim, how) => void ended.push(how);
  return new Worker({ store, agents: [scriptedAgent()], owner: "w", timers, onEnd, ...params });
}

async function admit(session: string, key: string): Promise<void> {
  await store.admit({
    session: { project, session },
    key,
    body: JSON.stringify({ prompt }),
    provider: "scripted",
  });
}

function refused(): HoldfastError {
  return new HoldfastError({ code: "tail_mismatch", message: "Another tail.", next: "" });
}

function countingCalls(target: Store, count: () => void): Store {
  return new Proxy(target, {
    get(of, name) {
      const value: unknown = Reflect.get(of, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        count();
        return (value as (...all: unknown[]) => unknown).apply(of, args);
      };
    },
  });
}
