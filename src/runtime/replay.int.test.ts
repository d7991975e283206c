import { beforeEach, describe, expect, test } from "vitest";
import { onEachStore } from "../../test/runtime/each-store.ts";
import { stoppedClock, storeWith } from "../../test/runtime/recovery.ts";
import { done, says, type Telling, tellingAgent } from "../../test/runtime/telling-agent.ts";
import type { Agent } from "../core/agent.ts";
import { HoldfastError } from "../core/errors.ts";
import { isLive, type LiveEvent, readEvent, type ReplayedEvent, type RunEvent } from "../core/event.ts";
import { objectIn, textOf } from "../core/json.ts";
import { discardedLog, eventLog } from "../core/run.ts";
import type { AppendParams, Store } from "../core/store.ts";
import { noTokens } from "../core/usage.ts";
import type { Ended } from "./execute.ts";
import { reconcile } from "./reconcile.ts";
import { replayInterrupted } from "./replay.ts";
import { resolveRun } from "./resolve.ts";
import { RunWriter } from "./run-writer.ts";
import { systemTimers } from "./timers.ts";
import { Worker, type WorkerParams } from "./worker.ts";

const session = { project: "p", session: "s" };

describe("replay", () => {
  onEachStore(({ open }) => {
    let store: Store;
    let ended: Ended[];
    let live: LiveEvent[];
    let again: ReplayedEvent[];
    let faults: string[];

    beforeEach(async () => {
      store = await open();
      [ended, live, again, faults] = [[], [], [], []];
    });

    function worker(agent: Agent, params: Partial<WorkerParams> = {}): Worker {
      return new Worker({
        ...{ store, agents: [agent], owner: "w", maxRuns: 1 },
        onEnd: (_claim, how) => void ended.push(how),
        onEvent: (_claim, event) => void live.push(event),
        onReplay: (_claim, event) => void again.push(event),
        onError: (error) => void faults.push(String(error)),
        ...params,
      });
    }

    async function admit(key = "k"): Promise<void> {
      await store.admit({ session, key, body: '{"prompt":"x"}', provider: "telling" });
    }

    async function play(
      tellings: readonly Telling[],
      params: Partial<WorkerParams> & { more?: Partial<Agent> } = {},
    ) {
      const { more, ...rest } = params;
      await admit();
      await worker(tellingAgent(tellings, more), rest).drain();
    }

    async function eventsIn(run: string, log = eventLog(run)): Promise<RunEvent[]> {
      const { entries } = await store.read({ log: { ...session, log } });
      return entries.map(({ body }) => {
        const read = readEvent(body);
        if ("fault" in read) throw new Error(read.fault);
        expect(read.run).toBe(run);
        return read.event;
      });
    }

    const marker = (of: string) => ({ type: "status", status: "replay_started", of, replayed: true });
    const shown = (...events: readonly object[]) => events.map((event) => ({ ...event, replayed: true }));

    test("is the exact prefix of the stream, of each interrupted run once, and nothing but a look at it", async () => {
      const observed: LiveEvent[] = [];
      const calls: string[] = [];
      const usage = (key: string): LiveEvent => ({
        type: "usage",
        key,
        model: "m",
        tokens: { ...noTokens, output: 5 },
      });
      const first: LiveEvent[] = [
        { type: "status", status: "started", resume: "token 1" },
        { type: "tool_call", call: "c-1", name: "Pay", step: "pay" },
        usage("u-1"),
      ];
      const pay: Telling[number] = async ({ journal }) => {
        calls.push(await journal.step("Pay", "pay", "idempotent", async ({ key }) => key));
      };
      const second: LiveEvent[] = [says("Again."), usage("u-2")];
      const forget: Telling[number] = async () => {
        await store.describe({ session, resume: null });
      };
      await play(
        [[...first, pay, { entry: { type: "user", uuid: "e-1" } }], second, [forget, says("Third."), done]],
        { observers: [{ name: "o", onEvent: (_, event) => void observed.push(event) }] },
      );

      expect(ended.map(({ as }) => as)).toEqual(["interrupted", "interrupted", "committed"]);
      const prefix = [marker("1.1"), ...shown(...first), marker("1.2"), ...shown(...second)];
      const stream = await eventsIn("1.3");
      expect(stream.slice(0, prefix.length)).toEqual(prefix);
      expect(stream.slice(prefix.length)).toMatchObject([says("Third."), done]);
      expect(again).toEqual([marker("1.1"), ...shown(...first), ...prefix]);
      expect(live).toEqual([...first, ...second, says("Third."), done]);
      expect(observed).toEqual(live);
      expect(calls).toEqual(["pay"]);
      expect(await store.usage({ by: "session" })).toMatchObject([{ responses: 2, tokens: { output: 10 } }]);
      expect((await store.session(session))?.resumeToken).toBe(null);
      expect(faults).toEqual([]);
    });

    test("done again adds nothing, and keeps the times of what it shows", async () => {
      const clock = stoppedClock();
      store = await open(clock);
      await admit();
      const agent = tellingAgent([[says("One."), says("Two.")]]);
      const claimed = async () => (await store.claim({ worker: "w", leaseMs: 60_000 }))!;
      const { run, lease } = await claimed();
      const log = { ...session, log: eventLog(run.id) };
      for (const text of ["One.", "Two."]) {
        const body = JSON.stringify({ ...says(text), run: run.id });
        await store.append({ log, entries: [{ body }], fence: lease, run: run.id });
      }
      clock.advance(60_000);
      await reconcile({ store, owner: "r" });
      const claim = await claimed();
      const replay = async (): Promise<string[]> => {
        const writer = new RunWriter({ store, claim });
        const own = eventLog(claim.run.id);
        const told: string[] = [];
        const signal = new AbortController().signal;
        const params = { store, agent, claim, timers: systemTimers, signal };
        await replayInterrupted({
          ...params,
          write: async (entry) => await writer.addOwn(own, entry),
          onReplay: ({ type }) => void told.push(type),
        });
        await writer.flush();
        return told;
      };
      const tail = async () => {
        const own = { ...session, log: eventLog(claim.run.id) };
        return (await store.read({ log: own, run: claim.run.id })).entries;
      };
      expect(await replay()).toEqual(["status", "assistant", "assistant"]);
      const entries = await tail();
      expect(entries.map(({ atMs }) => atMs)).toEqual([1, 2, 3].map(() => run.startedAtMs));
      expect(await replay()).toEqual(["status", "assistant", "assistant"]);
      expect(await tail()).toEqual(entries);
    });

    test("goes on where a crash in the middle of it left off, each event once", async () => {
      const first = Array.from({ length: 300 }, (_, n) => says(`${n}`));
      let appends = 0;
      const failing = storeWith(store, {
        append: async (params: AppendParams) => {
          if (params.log.log === eventLog("1.2") && (appends += 1) === 2) throw new Error("power cut");
          return await store.append(params);
        },
      });
      await play([first, [says("never")], [done]], { store: failing });
      expect(ended.map(({ as }) => as)).toEqual(["interrupted", "interrupted", "committed"]);
      const half = await eventsIn("1.2");
      expect(half.length).toBeGreaterThan(0);
      expect(half.length).toBeLessThan(first.length);
      expect(half.every((event) => !isLive(event))).toBe(true);
      const stream = await eventsIn("1.3");
      expect(stream.slice(0, -1)).toEqual([marker("1.1"), ...shown(...first), marker("1.2")]);
    });

    test("reads in pages, and asks the store for nothing in a new session and once in a settled one", async () => {
      const asked: string[] = [];
      const limits: number[] = [];
      const watched = storeWith(store, {
        runs: async (params) => {
          asked.push("runs");
          return await store.runs(params);
        },
        read: async (params) => {
          limits.push(params.limit ?? Infinity);
          return await store.read(params);
        },
        changes: async (params) => {
          asked.push("changes");
          return await store.changes(params);
        },
      });
      await play([[done]], { store: watched });
      expect([asked, limits]).toEqual([[], []]);
      await admit("k-2");
      await worker(tellingAgent([[done]]), { store: watched }).drain();
      expect([asked, limits]).toEqual([["runs"], []]);
      await admit("k-3");
      const many = Array.from({ length: 1000 }, (_, n) => says(`${n}`));
      limits.length = 0;
      await worker(tellingAgent([many, [done]]), { store: watched }).drain();
      expect(again).toHaveLength(1001);
      const ofTail = limits.filter((limit) => limit === 500).length;
      expect(limits.length - ofTail).toBe(Math.ceil(1000 / 128));
      expect(Math.max(...limits)).toBe(500);
    });

    const transcript: Partial<Agent> = {
      eventsOf: (bodies) =>
        bodies.flatMap((body): RunEvent[] => {
          const { said, uuid } = objectIn(body) ?? {};
          const [text, entry] = [textOf(said), textOf(uuid)];
          if (text === undefined) return [];
          return [{ type: "assistant", text, ...(entry === undefined ? {} : { entry }) }];
        }),
    };

    test("shows what only the transcript of an interrupted run holds, behind its events, and of no other run", async () => {
      await play([[{ entry: { said: "before", uuid: "e-0" } }, done]], { more: transcript });
      const outside = [{ body: '{"said":"outside"}' }];
      await store.append({ log: { ...session, log: "" }, entries: outside });
      await admit("k-2");
      const first: Telling = [
        { entry: { said: "both", uuid: "e-1" } },
        { type: "assistant", text: "both", entry: "e-1" },
        { entry: { said: "lost", uuid: "e-2" } },
        { entry: { said: "both", uuid: "e-3" } },
      ];
      const second: Telling = [{ entry: { said: "alone", uuid: "e-4" } }];
      const third: Telling = [says("no entry")];
      await worker(tellingAgent([first, second, third, [done]], transcript)).drain();
      await store.append({ log: { ...session, log: "" }, entries: outside });
      await admit("k-3");
      again = [];
      await worker(tellingAgent([[done]], transcript)).drain();
      const said = (text: string, entry?: string) => ({
        ...{ type: "assistant", text, replayed: true },
        ...(entry === undefined ? {} : { entry }),
      });
      expect(again).toEqual([
        marker("2.1"),
        said("both", "e-1"),
        said("lost", "e-2"),
        said("both", "e-3"),
        marker("2.2"),
        said("alone", "e-4"),
        marker("2.3"),
        said("no entry"),
      ]);
    });

    test("leaves a transcript out, and says so, where the feed does not tell whose it is, or its agent cannot read it", async () => {
      const lost = storeWith(store, {
        changes: async (params) => {
          const { changes, position } = await store.changes(params);
          return { position, changes: changes.map((change) => ({ ...change, of: "another" })) };
        },
      });
      await play([[{ entry: { said: "lost" } }], [done]], { store: lost, more: transcript });
      expect(again).toMatchObject([marker("1.1"), { type: "notice", replayed: true }]);
      const broken: Partial<Agent> = {
        eventsOf: () => {
          throw new Error("no idea");
        },
      };
      await admit("k-2");
      await worker(tellingAgent([[{ entry: { said: "lost" } }], [done]], broken)).drain();
      expect(ended.at(-1)).toMatchObject({ as: "committed" });
      expect(faults).toEqual(["Error: no idea"]);
    });

    test.each(["committed", "discarded", "resolved"] as const)(
      "never shows a run that was %s, nor what was interrupted before it",
      async (how) => {
        const clock = stoppedClock();
        store = await open(clock);
        await admit();
        const hold: Telling[number] = async ({ journal }) => {
          throw new HoldfastError({
            code: "step_unknown",
            message: journal ? "It is not known." : "",
            next: "Ask.",
          });
        };
        const second: Telling = how === "committed" ? [says("two"), done] : [says("two"), hold];
        await worker(tellingAgent([[says("one")], second])).drain();
        if (how !== "committed") {
          expect(ended.at(-1)).toMatchObject({ as: "held" });
          const as = how === "discarded" ? "discard" : "commit";
          await resolveRun({ store, run: "1.2", as, actor: "a", reason: "r", owner: "o" });
        }
        if (how === "discarded")
          expect(await eventsIn("1.2", discardedLog("1.2", eventLog("1.2")))).toHaveLength(3);
        await admit("k-2");
        again = [];
        await worker(tellingAgent([[done]])).drain();
        expect(ended.at(-1)).toMatchObject({ as: "committed" });
        expect(again).toEqual([]);
        expect(await eventsIn("2.1")).toHaveLength(1);
      },
    );

    test("an agent that gives an event as replayed is refused", async () => {
      const forged = { ...says("old"), replayed: true } as unknown as LiveEvent;
      await play([[forged, done]]);
      expect(ended).toHaveLength(3);
      expect(ended[0]).toMatchObject({ as: "interrupted", reason: expect.stringContaining("as replayed") });
      expect((await eventsIn("1.3")).filter(isLive)).toEqual([]);
    });

    test.each([
      ["is committed by its own result", [] as string[], { result: "committed", entries: 5 }],
      [
        "is held where an event of its own is lacking",
        ["own"],
        { result: "held", reason: "tail_incomplete" },
      ],
    ])("a dead run that had shown another again %s", async (_, lost, expected) => {
      const clock = stoppedClock();
      store = await open(clock);
      const dying = storeWith(store, {
        commit: async () => {
          throw new HoldfastError({ code: "lease_lost", message: "Gone.", next: "" });
        },
        append: async (params) => {
          const entries = params.entries.filter(
            ({ body }) => !lost.some((text) => body.includes(`"text":"${text}"`)),
          );
          return await store.append({ ...params, entries });
        },
      });
      await play([[says("first")], [says("own"), says("more"), done]], { store: dying });
      expect(ended.map(({ as }) => as)).toEqual(["interrupted", "lost"]);
      clock.advance(60_000);
      expect((await reconcile({ store, owner: "r" })).runs).toMatchObject([expected]);
    });

    test("shows what the provider itself kept of the last run, also to later attempts, and before the agent begins", async () => {
      const order: string[] = [];
      const kept: RunEvent[][] = [
        [says("one"), { type: "tool_call", call: "c", name: "Read" }, says("one")],
        [says("two"), says("deep")],
      ];
      const more: Partial<Agent> = {
        capabilities: { ...tellingAgent([[]]).capabilities, nativeHistory: true },
        async *history({ resume }) {
          order.push(`history ${resume}`);
          yield* kept.shift()!;
        },
      };
      const run =
        (name: string): Telling[number] =>
        async () =>
          void order.push(name);
      const first: Telling = [
        { entry: { said: "x" } },
        { type: "status", status: "on", resume: "t" },
        says("one"),
      ];
      await play([first, [run("second"), says("two")], [run("third"), done]], { more });
      expect(order).toEqual(["history t", "second", "history t", "third"]);
      const one = [marker("1.1"), ...shown({ type: "status", status: "on", resume: "t" }, says("one"))];
      const filled = shown({ type: "tool_call", call: "c", name: "Read" }, says("one"));
      expect((await eventsIn("1.2")).slice(0, 5)).toEqual([...one, ...filled]);
      expect((await eventsIn("1.3")).slice(0, -1)).toEqual([
        ...one,
        ...filled,
        marker("1.2"),
        ...shown(says("two"), says("deep")),
      ]);
    });

    test("goes on without a provider's history that fails, is damaged or hangs, and says so", async () => {
      const histories: (() => AsyncIterable<RunEvent>)[] = [
        async function* () {
          yield says("kept");
          throw new Error("offline");
        },
        async function* () {
          yield { type: "assistant" } as unknown as RunEvent;
        },
        async function* () {
          await new Promise(() => undefined);
          yield says("never");
        },
      ];
      const more: Partial<Agent> = {
        capabilities: { ...tellingAgent([[]]).capabilities, nativeHistory: true },
        history: () => histories.shift()!(),
      };
      const timers = {
        ...systemTimers,
        wait: async (ms: number, signal: AbortSignal) =>
          ms === 5000 && histories.length === 0 ? undefined : await systemTimers.wait(ms, signal),
      };
      await play([[says("1")], [says("2")], [says("3")]], { more, timers });
      await admit("k-2");
      await worker(tellingAgent([[done]], more), { timers }).drain();
      expect(ended.at(-1)).toMatchObject({ as: "committed" });
      expect((await eventsIn("2.1")).slice(0, -1)).toEqual([
        marker("1.1"),
        ...shown(says("1"), says("kept")),
        marker("1.2"),
        ...shown(says("2")),
        marker("1.3"),
        ...shown(says("3"), { type: "notice", text: "The provider's history took longer than 5000 ms." }),
      ]);
      expect(faults).toHaveLength(2);
    });

    test("shows the last 32 interrupted runs, and says that there are more", async () => {
      for (let n = 1; n <= 12; n += 1) {
        await admit(`k-${n}`);
        await worker(tellingAgent([[says("x")]])).drain();
      }
      await admit("last");
      again = [];
      await worker(tellingAgent([[done]])).drain();
      expect(again.slice(0, 2)).toMatchObject([{ type: "notice" }, marker("2.2")]);
      expect(again).toHaveLength(1 + 2 * 32);
    });
  });
});
