import { beforeEach, describe, expect, test } from "vitest";
import { onEachStore } from "../../test/runtime/each-store.ts";
import { storeWith } from "../../test/runtime/recovery.ts";
import { marker, ReplayWorld, session, shown } from "../../test/runtime/replay-world.ts";
import { done, says, type Telling, tellingAgent } from "../../test/runtime/telling-agent.ts";
import type { Agent } from "../core/agent.ts";
import type { RunEvent } from "../core/event.ts";
import { objectIn, textOf } from "../core/json.ts";
import type { Store } from "../core/store.ts";
import { systemTimers } from "./timers.ts";

describe("replay, beyond what our log tells,", () => {
  onEachStore(({ open }) => {
    let world: ReplayWorld;
    let store: Store;

    beforeEach(async () => {
      store = await open();
      world = new ReplayWorld(store);
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
      await world.play([[{ entry: { said: "before", uuid: "e-0" } }, done]], { more: transcript });
      const outside = [{ body: '{"said":"outside"}' }];
      await store.append({ log: { ...session, log: "" }, entries: outside });
      await world.admit("k-2");
      const first: Telling = [
        { entry: { said: "both", uuid: "e-1" } },
        { type: "assistant", text: "both", entry: "e-1" },
        { entry: { said: "lost", uuid: "e-2" } },
        { entry: { said: "both", uuid: "e-3" } },
      ];
      const second: Telling = [{ entry: { said: "alone", uuid: "e-4" } }];
      const third: Telling = [says("no entry")];
      await world.worker(tellingAgent([first, second, third, [done]], transcript)).drain();
      await store.append({ log: { ...session, log: "" }, entries: outside });
      await world.admit("k-3");
      world.again = [];
      await world.worker(tellingAgent([[done]], transcript)).drain();
      const said = (text: string, entry?: string) => ({
        ...{ type: "assistant", text, replayed: true },
        ...(entry === undefined ? {} : { entry }),
      });
      expect(world.again).toEqual([
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
      await world.play([[{ entry: { said: "lost" } }], [done]], { store: lost, more: transcript });
      expect(world.again).toMatchObject([marker("1.1"), { type: "notice", replayed: true }]);
      const broken: Partial<Agent> = {
        eventsOf: () => {
          throw new Error("no idea");
        },
      };
      await world.admit("k-2");
      await world.worker(tellingAgent([[{ entry: { said: "lost" } }], [done]], broken)).drain();
      expect(world.ended.at(-1)).toMatchObject({ as: "committed" });
      expect(world.faults).toEqual(["Error: no idea"]);
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
      await world.play([first, [run("second"), says("two")], [run("third"), done]], { more });
      expect(order).toEqual(["history t", "second", "history t", "third"]);
      const one = [marker("1.1"), ...shown({ type: "status", status: "on", resume: "t" }, says("one"))];
      const filled = shown({ type: "tool_call", call: "c", name: "Read" }, says("one"));
      expect((await world.eventsIn("1.2")).slice(0, 5)).toEqual([...one, ...filled]);
      expect((await world.eventsIn("1.3")).slice(0, -1)).toEqual([
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
          ms === 5000 && histories.length === 1 ? undefined : await systemTimers.wait(ms, signal),
      };
      await world.play([[says("1")], [says("2")], [says("3")]], { more, timers });
      await world.play([[done]], { more, timers, key: "k-2" });
      expect(world.ended.at(-1)).toMatchObject({ as: "committed" });
      expect((await world.eventsIn("2.1")).slice(0, -1)).toEqual([
        marker("1.1"),
        ...shown(says("1"), says("kept")),
        marker("1.2"),
        ...shown(says("2")),
        marker("1.3"),
        ...shown(says("3"), { type: "notice", text: "The provider's history took longer than 5000 ms." }),
      ]);
      expect(world.faults).toHaveLength(2);
    });
  });
});
