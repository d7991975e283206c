import { beforeEach, describe, expect, test, vi } from "vitest";
import { onEachStore } from "../../test/runtime/each-store.ts";
import { done, says, type Telling, tellingAgent } from "../../test/runtime/telling-agent.ts";
import type { LiveEvent } from "../core/event.ts";
import { linksLog } from "../core/links.ts";
import { eventLog } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import type { Ended } from "./execute.ts";
import { linkObserver, readLinks } from "./links.ts";
import type { RunObserver } from "./observers.ts";
import { systemTimers } from "./timers.ts";
import { Worker } from "./worker.ts";

const session = { project: "p", session: "s" };
const url = "https://github.com/acme/shop/pull/42";

/** Makes a pull request in a shell. */
function asks(call: string, command = "gh pr create --fill"): LiveEvent {
  return { type: "tool_call", call, name: "Bash", input: { command } };
}

function answers(call: string, text = url, ok = true): LiveEvent {
  return { type: "tool_summary", call, ok, text };
}

describe("observers", () => {
  onEachStore(({ open }) => {
    let store: Store;
    let ended: Ended[];
    let faults: string[];
    /** How often a boundary waited for an observer. */
    let waits: number;

    beforeEach(async () => {
      store = await open();
      [ended, faults, waits] = [[], [], 0];
    });

    async function play(
      tellings: readonly Telling[],
      observers: readonly RunObserver[],
      key = "k",
    ): Promise<void> {
      await store.admit({ session, key, body: "{}", provider: "telling" });
      const worker = new Worker({
        ...{ store, agents: [tellingAgent(tellings)], owner: "w", observers },
        onEnd: (_claim, how) => void ended.push(how),
        onError: (error) => void faults.push(String(error)),
        timers: {
          ...systemTimers,
          wait: async (ms, signal) => {
            if (ms === 1000) waits += 1;
            await systemTimers.wait(ms, signal);
          },
        },
      });
      await worker.drain();
    }

    test("that throw or hang harm no run, are told of, and are not waited for before they have caught up", async () => {
      const seen: string[] = [];
      const late = Promise.withResolvers<void>();
      const observers: RunObserver[] = [
        {
          name: "throws",
          onEvent: () => {
            throw new Error("bad");
          },
        },
        { name: "rejects", onEvent: async () => await Promise.reject(new Error("worse")) },
        { name: "hangs", onEvent: async () => await late.promise },
        { name: "sees", onEvent: ({ run }, event) => void seen.push(`${run} ${event.type}`) },
      ];
      const told = (name: string) =>
        faults.filter((fault) => fault.startsWith(`Error: The observer ${name} failed: `)).length;
      const twoTurns: Telling = [says("One."), done];
      await store.admit({ session, key: "first", body: "{}", provider: "telling" });
      await play([twoTurns], observers);
      expect(ended).toMatchObject([{ as: "committed" }, { as: "committed" }]);
      expect(seen).toEqual(["1.1 assistant", "1.1 result", "2.1 assistant", "2.1 result"]);
      expect(["throws", "rejects", "hangs"].map(told)).toEqual([4, 4, 1]);
      expect(waits).toBe(1);
      late.resolve();
      await play([twoTurns], observers, "k-2");
      expect(["throws", "rejects", "hangs"].map(told)).toEqual([6, 6, 1]);
      expect(faults).toHaveLength(13);
    });

    test("that never end are put aside before they fill the memory", async () => {
      let calls = 0;
      const hanging: RunObserver = {
        name: "hangs",
        onEvent: async () => {
          calls += 1;
          await new Promise(() => undefined);
        },
      };
      await play([[...Array.from({ length: 1500 }, (_, n) => says(`${n}`)), done]], [hanging]);
      expect(ended).toMatchObject([{ as: "committed" }]);
      expect(calls).toBe(1001);
      expect(faults).toHaveLength(1);
    });

    test("keep the links that a run made with its session, once, and none that is only shown again", async () => {
      const links = linkObserver({ store });
      const forged = answers("c-0", "https://github.com/evil/shop/pull/1");
      await play(
        [
          [asks("c-1"), answers("c-1")],
          [asks("c-2", "gh pr view 42"), answers("c-2"), asks("c-3"), answers("c-3"), forged, done],
        ],
        [links],
      );
      expect(ended.map(({ as }) => as)).toEqual(["interrupted", "committed"]);
      const kept = [{ kind: "pull_request", url, run: "1.1", call: "c-1" }];
      expect(await readLinks(store, session)).toEqual(kept);
      // What is replayed of the first run stands before the second one's own events, and was not looked at again.
      const { entries } = await store.read({ log: { ...session, log: eventLog("1.2") } });
      expect(entries.slice(0, 3).every(({ body }) => body.includes('"replayed":true'))).toBe(true);
      await store.drop({ session, log: linksLog, actor: "t" });
      await play([[says("One.")], [done]], [links], "k-2");
      expect(await readLinks(store, session)).toEqual([]);
      expect(faults).toEqual([]);
    });

    test("keep no link of a call that failed, and a commit that was pushed once, with its address", async () => {
      const commit = "[main 1a2b3c4] x\n 1 file changed\n";
      const push = "To github.com:acme/shop.git\n   0000000..1a2b3c4  main -> main\n";
      await play(
        [
          [
            ...[asks("c-1"), answers("c-1", url, false)],
            ...[asks("c-2", "git commit -m x"), answers("c-2", commit)],
            ...[asks("c-3", "git push"), answers("c-3", push)],
            done,
          ],
        ],
        [linkObserver({ store })],
      );
      expect(await readLinks(store, session)).toMatchObject([
        {
          kind: "commit",
          commit: "1a2b3c4",
          url: "https://github.com/acme/shop/commit/1a2b3c4",
          call: "c-3",
        },
      ]);
    });

    test("keep what was made by a run that had lost its lease to nobody's log", async () => {
      const lose: Telling[number] = async (turn) => {
        await turn.flush();
        await store.clearLease({ session, actor: "ops" });
      };
      await play([[asks("c-1"), lose, answers("c-1")]], [linkObserver({ store })]);
      expect(ended).toMatchObject([{ as: "lost" }]);
      expect(await readLinks(store, session)).toEqual([]);
      await vi.waitFor(() => expect(faults).toEqual([expect.stringContaining("The observer links failed")]));
    });
  });
});
