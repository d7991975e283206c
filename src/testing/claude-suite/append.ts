import assert from "node:assert/strict";
import type { ClaudeTests } from "./contract.ts";
import {
  agent,
  assertHolds,
  elsewhere,
  isSame,
  keyed,
  keyless,
  listed,
  main,
  many,
  other,
  summaryOf,
} from "./samples.ts";

/** What an append stores, once and in order. */
export function appendTests({ describe, test }: ClaudeTests): void {
  describe("append", () => {
    test("Entries come back in the order of the calls, never in that of their uuids or times.", async (store) => {
      const late = { ...keyed("z"), timestamp: "2026-03-02T00:00:00.000Z" };
      const early = { ...keyed("a"), timestamp: "2026-03-01T00:00:00.000Z" };
      await store.append(main, [late]);
      await store.append(main, [early, keyed("m")]);
      await store.append(main, [keyed("b")]);
      await assertHolds(store, main, [late, early, keyed("m"), keyed("b")]);
    });

    test("An append of nothing leaves a key that was never written as it was.", async (store) => {
      await store.append(main, []);
      assert.equal(await store.load(main), null);
      assert.deepEqual(await listed(store), []);
      await store.append(main, [keyed("a")]);
      await store.append(main, []);
      await assertHolds(store, main, [keyed("a")]);
    });

    test("The same batch again is stored once.", async (store) => {
      await store.append(main, many("a", 3));
      await store.append(main, many("a", 3));
      await assertHolds(store, main, many("a", 3));
    });

    test("Of a batch that overlaps an earlier one only the new entries are stored, the old keep their place.", async (store) => {
      await store.append(main, many("a", 3));
      await store.append(main, [...many("a", 5).slice(1), keyed("b")]);
      await assertHolds(store, main, [...many("a", 5), keyed("b")]);
    });

    test("A retry adds what an earlier try left out, and moves nothing of what it stored.", async (store) => {
      await store.append(main, [keyed("a-1", "first")]);
      await store.append(main, many("a", 3));
      await assertHolds(store, main, [keyed("a-1", "first"), keyed("a-0"), keyed("a-2")]);
    });

    test("A uuid that a batch repeats is stored once, as it came first.", async (store) => {
      await store.append(main, [keyed("a", "first"), keyed("b"), keyed("a", "second")]);
      await store.append(main, [keyed("a", "third")]);
      await assertHolds(store, main, [keyed("a", "first"), keyed("b")]);
    });

    test("The same uuid is stored in another session, project and subpath.", async (store) => {
      const keys = [main, other, elsewhere, agent];
      for (const [at, key] of keys.entries()) await store.append(key, [keyed("same", `text ${at}`)]);
      for (const [at, key] of keys.entries()) await assertHolds(store, key, [keyed("same", `text ${at}`)]);
    });

    test("Entries without a uuid are stored each time, equal ones and the same array too.", async (store) => {
      const batch = [keyless("plan"), keyless("plan")];
      await store.append(main, batch);
      await store.append(main, batch);
      await store.append(main, [keyless("plan"), keyed("a")]);
      await assertHolds(store, main, [...batch, ...batch, keyless("plan"), keyed("a")]);
    });

    test("Of an array that comes again only the entries without a uuid are stored again.", async (store) => {
      const batch = [keyed("a"), keyless("plan"), keyed("b")];
      await store.append(main, batch);
      await store.append(main, batch);
      await assertHolds(store, main, [...batch, keyless("plan")]);
    });

    test("An array that is filled anew after a success is a new batch.", async (store) => {
      const batch = [keyless("plan")];
      await store.append(main, batch);
      batch[0] = keyless("default");
      await store.append(main, batch);
      await assertHolds(store, main, [keyless("plan"), keyless("default")]);
    });

    test("Changing what was appended changes nothing that is stored.", async (store) => {
      const entry = { type: "user", uuid: "a", message: { content: "before" } };
      const batch = [entry];
      const append = store.append(main, batch);
      entry.message.content = "during";
      await append;
      entry.message.content = "after";
      batch.push({ type: "user", uuid: "b", message: { content: "more" } });
      const loaded = await store.load(main);
      assert.deepEqual(loaded, [{ type: "user", uuid: "a", message: { content: "before" } }]);
    });

    test("A batch of 100,000 entries is stored by one call.", async (store) => {
      const batch = many("a", 100_000);
      await store.append(main, batch);
      const loaded = await store.load(main);
      assert.equal(loaded!.length, batch.length);
      assert.ok(isSame(loaded, batch), "They came back changed or in another order.");
    });
  });

  describe("appends at the same moment", () => {
    test("One key's batches never mix, and none is lost.", async (store) => {
      const batches = Array.from({ length: 20 }, (_, at) => many(`batch-${at}`, 5));
      await Promise.all(batches.map((batch) => store.append(main, batch)));
      const uuids = (await store.load(main))!.map(({ uuid }) => uuid!);
      assert.equal(uuids.length, 100);
      for (let at = 0; at < uuids.length; at += 5) {
        const batch = uuids[at]!.replace(/-\d+$/, "");
        assert.deepEqual(
          uuids.slice(at, at + 5),
          many(batch, 5).map(({ uuid }) => uuid),
        );
      }
    });

    test("One writer's calls are stored in the order in which it made them.", async (store) => {
      const entries = many("a", 30);
      await Promise.all(entries.map((entry) => store.append(main, [entry])));
      await assertHolds(store, main, entries);
    });

    test("The same batch sent twice at once is stored once.", async (store) => {
      await Promise.all([store.append(main, many("a", 4)), store.append(main, many("a", 4))]);
      await assertHolds(store, main, many("a", 4));
    });

    test("Batches for other sessions, projects and subpaths go each to its own.", async (store) => {
      const keys = [main, other, elsewhere, agent];
      const batches = Array.from({ length: 5 }, (_, at) => many(`batch-${at}`, 3));
      await Promise.all(batches.flatMap((batch) => keys.map((key) => store.append(key, batch))));
      for (const key of keys) await assertHolds(store, key, batches.flat());
    });

    test("A delete that races an append leaves all of the batch or nothing, and every list agrees.", async (store) => {
      for (let round = 0; round < 8; round += 1) {
        await store.append(main, many("old", 3));
        const append = (): Promise<void> => store.append(main, many("new", 3));
        const remove = (): Promise<void> => store.delete(main);
        await Promise.all(round % 2 === 0 ? [remove(), append()] : [append(), remove()]);
        const loaded = await store.load(main);
        if (loaded !== null) assert.deepEqual(loaded, many("new", 3));
        assert.deepEqual(await listed(store), loaded === null ? [] : [main.sessionId]);
        assert.equal((await summaryOf(store))?.["count"], loaded?.length);
        await store.delete(main);
      }
    });
  });
}
