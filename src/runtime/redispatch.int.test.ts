import { describe, expect, test } from "vitest";
import { onEachStore } from "../../test/runtime/each-store.ts";
import type { Store } from "../core/store.ts";
import { openMemoryStore } from "../stores/memory/index.ts";
import { plain, refused, sessionKey, snapshot } from "../testing/store-suite/samples.ts";
import { admitTo, claimNext, commitOf, endOf, leaseMs, stage } from "../testing/store-suite/work-samples.ts";
import { copyStore } from "./copy.ts";
import { compareStores } from "./parity.ts";
import { redispatch } from "./redispatch.ts";

const actor = "ann";

onEachStore(({ open, keep }) => {
  describe("a redispatch", () => {
    test("queues what was interrupted too often, says so before in a dry run that writes nothing, and does it once", async () => {
      const store = await open();
      const [first, second] = [await givenUp(store, "s-1", "k-1"), await givenUp(store, "s-1", "k-2")];
      const before = await snapshot(store);
      const foreseen = await redispatch({ store, actor, dryRun: true });
      expect(foreseen).toMatchObject({
        dryRun: true,
        more: false,
        inputs: [
          { input: { id: first }, result: "queued" },
          { input: { id: second }, result: "queued" },
        ],
      });
      expect(await snapshot(store)).toEqual(before);
      expect(await store.inputs({ state: "queued" })).toEqual([]);
      const done = await redispatch({ store, actor, reason: "the model is back" });
      expect(done.inputs.map(({ input, result }) => [input.id, input.state, result])).toEqual([
        [first, "queued", "queued"],
        [second, "queued", "queued"],
      ]);
      expect((await store.audit({ limit: 2 })).map((row) => [row.verb, row.actor, row.reason])).toEqual(
        Array(2).fill(["input_requeued", actor, "the model is back"]),
      );
      const after = await snapshot(store);
      expect(await redispatch({ store, actor })).toEqual({ dryRun: false, inputs: [], more: false });
      expect(await snapshot(store)).toEqual(after);
    });

    test("leaves what an operator gave up, unless it is named", async () => {
      const store = await open();
      await admitTo(store, "s-1", "k-1");
      const { input } = await endOf(store, await claimNext(store), "discarded", { requeue: false });
      const left = { input: { id: input.id, state: "abandoned" }, result: "left", because: "given_up" };
      expect((await redispatch({ store, actor })).inputs).toMatchObject([left]);
      expect((await redispatch({ store, actor, input: input.id })).inputs).toMatchObject([
        { input: { id: input.id, state: "queued" }, result: "queued" },
      ]);
      const open_ = { input: { id: input.id, state: "queued" }, result: "left", because: "open" };
      expect((await redispatch({ store, actor, input: input.id })).inputs).toMatchObject([open_]);
    });

    test("of one session or one project leaves the others", async () => {
      const store = await open();
      const [mine, other] = [await givenUp(store, "s-1", "k-1"), await givenUp(store, "s-2", "k-1")];
      expect((await redispatch({ store, actor, project: "p-2" })).inputs).toEqual([]);
      expect((await redispatch({ store, actor, session: sessionKey("s-1") })).inputs).toMatchObject([
        { input: { id: mine } },
      ]);
      await refused("input_unknown", () =>
        redispatch({ store, actor, session: sessionKey("s-1"), input: other }),
      );
      await refused("input_unknown", () => redispatch({ store, actor, project: "p-2", input: other }));
      expect((await redispatch({ store, actor, project: "p-1" })).inputs).toMatchObject([
        { input: { id: other } },
      ]);
    });

    test("never queues what was answered or cancelled", async () => {
      const store = await open();
      const answered = await admitTo(store, "s-1", "k-1");
      await commitOf(store, await claimNext(store));
      const cancelled = await admitTo(store, "s-1", "k-2");
      await store.cancel({ session: sessionKey("s-1"), input: cancelled.id, actor });
      expect((await redispatch({ store, actor })).inputs).toEqual([]);
      for (const { id } of [answered, cancelled])
        for (const dryRun of [true, false])
          await refused("input_closed", () => redispatch({ store, actor, input: id, dryRun }));
      await refused("input_unknown", () => redispatch({ store, actor, input: "99" }));
    });

    test("tells one that was queued by another in between, and goes on behind one that fails", async () => {
      const store = await open();
      const [first, second] = [await givenUp(store, "s-1", "k-1"), await givenUp(store, "s-2", "k-2")];
      const raced = keep(
        new Proxy(store, {
          get: (target, name) => {
            const verb: unknown = Reflect.get(target, name);
            if (name !== "requeue") return typeof verb === "function" ? verb.bind(target) : verb;
            return async (params: Parameters<Store["requeue"]>[0]) => {
              if (params.input === second) throw new Error("the disk is gone");
              await store.requeue(params);
              return await store.requeue(params);
            };
          },
        }),
      );
      const { inputs } = await redispatch({ store: raced, actor });
      const found = inputs.toSorted((a, b) => Number(a.input.id) - Number(b.input.id));
      expect(found).toMatchObject([
        { input: { id: first, state: "queued" }, result: "left", because: "open" },
        { input: { id: second }, result: "failed", code: "unexpected", message: "Error: the disk is gone" },
      ]);
    });

    test("is followed by a copy that held the input as given up", async () => {
      const store = await open();
      const to = keep(openMemoryStore());
      const id = await givenUp(store, "s-1", "k-1");
      await copyStore({ from: store, to });
      await redispatch({ store, actor });
      await copyStore({ from: store, to });
      expect((await compareStores({ from: store, to })).differences).toEqual([]);
      const claim = await claimNext(store);
      await stage(store, claim, plain(1, 1));
      await commitOf(store, claim);
      expect((await compareStores({ from: store, to })).differences).not.toEqual([]);
      await copyStore({ from: store, to });
      expect((await compareStores({ from: store, to })).differences).toEqual([]);
      expect(await to.inputs({})).toMatchObject([{ id, state: "consumed", run: `${id}.4` }]);
    });
  });
});

async function givenUp(store: Store, session: string, key: string): Promise<string> {
  const { id } = await admitTo(store, session, key);
  for (;;) {
    const claim = (await store.claim({ worker: "w-1", leaseMs, session }))!;
    const { input } = await endOf(store, claim, "interrupted", { reason: "the model is gone" });
    if (input.state === "abandoned") return id;
  }
}
