import { beforeEach, describe, expect, test } from "vitest";
import { onEachStore } from "../../test/runtime/each-store.ts";
import { stoppedClock, storeWith } from "../../test/runtime/recovery.ts";
import { marker, ReplayWorld, session, shown } from "../../test/runtime/replay-world.ts";
import { done, says, type Telling, tellingAgent } from "../../test/runtime/telling-agent.ts";
import { HoldfastError } from "../core/errors.ts";
import { isLive, type LiveEvent } from "../core/event.ts";
import { discardedLog, eventLog } from "../core/run.ts";
import type { AppendParams, Store } from "../core/store.ts";
import { noTokens } from "../core/usage.ts";
import { reconcile } from "./reconcile.ts";
import { replayInterrupted } from "./replay.ts";
import { resolveRun } from "./resolve.ts";
import { RunWriter } from "./run-writer.ts";
import { systemTimers } from "./timers.ts";

describe("replay", () => {
  onEachStore(({ open }) => {
    let world: ReplayWorld;
    let store: Store;

    beforeEach(async () => {
      store = await open();
      world = new ReplayWorld(store);
    });

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
      await world.play(
        [[...first, pay, { entry: { type: "user", uuid: "e-1" } }], second, [forget, says("Third."), done]],
        { observers: [{ name: "o", onEvent: (_, event) => void observed.push(event) }] },
      );

      expect(world.ended.map(({ as }) => as)).toEqual(["interrupted", "interrupted", "committed"]);
      const prefix = [marker("1.1"), ...shown(...first), marker("1.2"), ...shown(...second)];
      const stream = await world.eventsIn("1.3");
      expect(stream.slice(0, prefix.length)).toEqual(prefix);
      expect(stream.slice(prefix.length)).toMatchObject([says("Third."), done]);
      expect(world.again).toEqual([marker("1.1"), ...shown(...first), ...prefix]);
      expect(world.live).toEqual([...first, ...second, says("Third."), done]);
      expect(observed).toEqual(world.live);
      expect(calls).toEqual(["pay"]);
      expect(await store.usage({ by: "session" })).toMatchObject([{ responses: 2, tokens: { output: 10 } }]);
      expect((await store.session(session))?.resumeToken).toBe(null);
      expect(world.faults).toEqual([]);
    });

    test("done again adds nothing, and keeps the times of what it shows", async () => {
      const clock = stoppedClock();
      store = await open(clock);
      world = new ReplayWorld(store);
      await world.admit();
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
      await world.play([first, [says("never")], [done]], { store: failing });
      expect(world.ended.map(({ as }) => as)).toEqual(["interrupted", "interrupted", "committed"]);
      const half = await world.eventsIn("1.2");
      expect(half.length).toBeGreaterThan(0);
      expect(half.length).toBeLessThan(first.length);
      expect(half.every((event) => !isLive(event))).toBe(true);
      const stream = await world.eventsIn("1.3");
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
      await world.play([[done]], { store: watched });
      expect([asked, limits]).toEqual([[], []]);
      await world.admit("k-2");
      await world.worker(tellingAgent([[done]]), { store: watched }).drain();
      expect([asked, limits]).toEqual([["runs"], []]);
      await world.admit("k-3");
      const many = Array.from({ length: 1000 }, (_, n) => says(`${n}`));
      limits.length = 0;
      await world.worker(tellingAgent([many, [done]]), { store: watched }).drain();
      expect(world.again).toHaveLength(1001);
      const ofTail = limits.filter((limit) => limit === 500).length;
      expect(limits.length - ofTail).toBe(Math.ceil(1000 / 128));
      expect(Math.max(...limits)).toBe(500);
    });

    test.each(["committed", "discarded", "resolved"] as const)(
      "never shows a run that was %s, nor what was interrupted before it",
      async (how) => {
        const clock = stoppedClock();
        store = await open(clock);
        world = new ReplayWorld(store);
        await world.admit();
        const hold: Telling[number] = async ({ journal }) => {
          throw new HoldfastError({
            code: "step_unknown",
            message: journal ? "It is not known." : "",
            next: "Ask.",
          });
        };
        const second: Telling = how === "committed" ? [says("two"), done] : [says("two"), hold];
        await world.worker(tellingAgent([[says("one")], second])).drain();
        if (how !== "committed") {
          expect(world.ended.at(-1)).toMatchObject({ as: "held" });
          const as = how === "discarded" ? "discard" : "commit";
          await resolveRun({ store, run: "1.2", as, actor: "a", reason: "r", owner: "o" });
        }
        if (how === "discarded")
          expect(await world.eventsIn("1.2", discardedLog("1.2", eventLog("1.2")))).toHaveLength(3);
        world.again = [];
        await world.play([[says("three")], [done]], { key: "k-2" });
        expect(world.ended.at(-1)).toMatchObject({ as: "committed" });
        expect(await world.eventsIn("2.1")).toEqual([says("three")]);
        expect(world.again).toEqual([marker("2.1"), ...shown(says("three"))]);
      },
    );

    test("an agent that gives an event as replayed is refused", async () => {
      const forged = { ...says("old"), replayed: true } as unknown as LiveEvent;
      await world.play([[forged, done]]);
      expect(world.ended).toHaveLength(3);
      expect(world.ended[0]).toMatchObject({
        as: "interrupted",
        reason: expect.stringContaining("as replayed"),
      });
      expect((await world.eventsIn("1.3")).filter(isLive)).toEqual([]);
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
      world = new ReplayWorld(store);
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
      await world.play([[says("first")], [says("own"), says("more"), done]], { store: dying });
      expect(world.ended.map(({ as }) => as)).toEqual(["interrupted", "lost"]);
      clock.advance(60_000);
      expect((await reconcile({ store, owner: "r" })).runs).toMatchObject([expected]);
    });

    test("shows the last 32 interrupted runs, and says that there are more", async () => {
      for (let n = 1; n <= 12; n += 1) {
        await world.admit(`k-${n}`);
        await world.worker(tellingAgent([[says("x")]])).drain();
      }
      await world.admit("last");
      world.again = [];
      await world.worker(tellingAgent([[done]])).drain();
      expect(world.again.slice(0, 2)).toMatchObject([{ type: "notice" }, marker("2.2")]);
      expect(world.again).toHaveLength(1 + 2 * 32);
    });
  });
});
