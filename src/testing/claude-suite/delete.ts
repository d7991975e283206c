import assert from "node:assert/strict";
import type { ClaudeTests } from "./contract.ts";
import { agent, assertHolds, elsewhere, keyed, listed, main, many, other, summaryOf } from "./samples.ts";

/** What a delete takes away, and what it leaves. */
export function deleteTests({ describe, test }: ClaudeTests): void {
  describe("delete", () => {
    test("Removes a session; one that was never written may be deleted too.", async (store) => {
      await store.delete(main);
      await store.append(main, [keyed("a")]);
      await store.delete(main);
      assert.equal(await store.load(main), null);
      assert.deepEqual(await listed(store), []);
    });

    test("Removes the subpaths with it, and nothing of another session or project.", async (store) => {
      const longer = { ...main, sessionId: `${main.sessionId}-more` };
      const kept = [other, elsewhere, longer, { ...other, subpath: agent.subpath! }];
      for (const key of [main, agent, { ...main, subpath: "x" }, ...kept])
        await store.append(key, [keyed("a")]);
      await store.delete(main);
      assert.equal(await store.load(agent), null);
      assert.deepEqual(await store.listSubkeys(main), []);
      for (const key of kept) await assertHolds(store, key, [keyed("a")]);
    });

    test("With a subpath removes that one alone.", async (store) => {
      const deeper = { ...main, subpath: `${agent.subpath}/deeper` };
      for (const key of [main, agent, deeper]) await store.append(key, [keyed("a")]);
      await store.delete(agent);
      assert.equal(await store.load(agent), null);
      await assertHolds(store, main, [keyed("a")]);
      await assertHolds(store, deeper, [keyed("a")]);
      assert.deepEqual(await store.listSubkeys(main), [deeper.subpath]);
      assert.deepEqual(await listed(store), [main.sessionId]);
      assert.equal((await summaryOf(store))?.["count"], 1);
      await store.append(agent, [keyed("a"), keyed("b")]);
      await assertHolds(store, agent, [keyed("a"), keyed("b")]);
    });

    test("Removes a session of 1,000 subpaths whole.", async (store) => {
      const subpaths = many("subagents/agent", 1000).map(({ uuid }) => uuid!);
      await Promise.all(subpaths.map((subpath) => store.append({ ...main, subpath }, [keyed("a")])));
      await store.append(main, [keyed("a")]);
      assert.equal((await store.listSubkeys(main)).length, 1000);
      await store.delete(main);
      assert.deepEqual(await store.listSubkeys(main), []);
      for (const subpath of subpaths) assert.equal(await store.load({ ...main, subpath }), null);
    });

    test("Lets the same session start anew, with uuids that it held before.", async (store) => {
      for (const key of [main, agent]) await store.append(key, many("a", 2));
      await store.delete(main);
      await store.append(main, [keyed("a-1"), keyed("b")]);
      await assertHolds(store, main, [keyed("a-1"), keyed("b")]);
      assert.equal(await store.load(agent), null);
    });

    test("A subpath that is written after it stays a subpath.", async (store) => {
      for (const key of [main, agent]) await store.append(key, many("a", 2));
      await store.delete(main);
      await store.append(agent, [keyed("b")]);
      await assertHolds(store, agent, [keyed("b")]);
      assert.equal(await store.load(main), null);
      assert.deepEqual(await listed(store), []);
    });
  });
}
