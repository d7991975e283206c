import { beforeEach, describe, expect, test } from "vitest";
import { onEachStore } from "../../test/runtime/each-store.ts";
import type { Agent, TurnStore } from "../core/agent.ts";
import type { Store } from "../core/store.ts";
import type { Ended } from "./execute.ts";
import { Worker } from "./worker.ts";
import { scriptedAgent } from "../agents/scripted/index.ts";

const session = { project: "p", session: "s" };
const note = { log: { ...session, log: "" }, entries: [{ body: '{"note":1}', uuid: "note" }] };
const result = { kind: "event", event: { type: "result", ok: true, text: "Done." } } as const;

describe("what an agent appends outside of its run", () => {
  onEachStore(({ open }) => {
    let store: Store;
    let given: TurnStore | undefined;
    let ended: Ended | undefined;

    beforeEach(async () => {
      store = await open();
      await store.admit({ session, key: "k", body: "{}", provider: "scripted" });
    });

    /** One turn in which the agent does something with what it was given, to its end. */
    async function turn(act: (store: TurnStore) => Promise<unknown>): Promise<void> {
      const agent: Agent = {
        ...scriptedAgent(),
        async *run(turn) {
          given = turn.store;
          await act(turn.store);
          yield result;
        },
      };
      const onEnd = (_: unknown, how: Ended): void => void (ended = how);
      await new Worker({ store, agents: [agent], owner: "w", onEnd }).drain();
    }

    const notes = async (): Promise<number> => (await store.read({ log: note.log })).entries.length;

    test("is stored while it has the session, and when its run has ended", async () => {
      await turn((own) => own.append(note));
      expect(ended?.as).toBe("committed");
      await given!.append({ ...note, entries: [{ body: '{"note":2}' }] });
      expect(await notes()).toBe(2);
    });

    test("is refused once another one may have the session", async () => {
      await turn(async (own) => {
        const lease = await store.lease(session);
        await store.releaseLease({ session, epoch: lease!.epoch });
        await store.acquireLease({ session, owner: "other", leaseMs: 60_000 });
        await own.append(note);
      });
      expect(ended?.as).toBe("lost");
      await expect(given!.append(note)).rejects.toMatchObject({ code: "lease_lost" });
      expect(await notes()).toBe(0);
    });

    test.each([
      ["before its result", "interrupted"],
      ["between its answer and its result", "interrupted"],
      ["behind it", "committed"],
    ])("is refused where it was abandoned %s, since it may still be at work", async (when, as) => {
      const late = Promise.withResolvers<void>();
      const agent: Agent = {
        ...scriptedAgent(),
        async *run(turn) {
          given = turn.store;
          if (when.startsWith("between")) turn.answered();
          if (when === "behind it") yield result;
          else void worker.stop({ cancel: true });
          await late.promise;
        },
      };
      const onEnd = (_: unknown, how: Ended): void => void (ended = how);
      const worker = new Worker({ store, agents: [agent], owner: "w", graceMs: 1, onEnd });
      await worker.drain();
      expect(ended?.as).toBe(as);
      await expect(given!.append(note)).rejects.toMatchObject({ code: "lease_lost" });
      expect(await notes()).toBe(0);
      late.resolve();
    });
  });
});
