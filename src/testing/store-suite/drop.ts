import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { allChanges, appendTo, bodiesOf, keyed, logKey, plain, sessionKey, snapshot } from "./samples.ts";

const nothing = { dropped: false, logs: 0, entries: 0, blobs: 0 };

/** Removal of a session or of one of its logs. */
export function dropTests({ describe, test }: StoreTests): void {
  describe("drop", () => {
    test("Removes the session with all its logs and blobs, and counts them.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      await store.append({ log: logKey("s-1", "subagents/a"), entries: plain(1, 2) });
      await store.append({ log: logKey("s-1", "@run/1"), entries: plain(1, 1) });
      const { blob } = await store.putBlob({ session: sessionKey(), bytes: Uint8Array.of(1, 2) });
      const result = await store.drop({ session: sessionKey(), actor: "test" });
      assert.deepEqual(result, { dropped: true, logs: 3, entries: 6, blobs: 1 });
      assert.equal(await store.session(sessionKey()), null);
      assert.deepEqual(await store.logs(sessionKey()), []);
      for (const log of ["", "subagents/a", "@run/1"])
        assert.deepEqual(await bodiesOf(store, logKey("s-1", log)), []);
      assert.equal(await store.getBlob({ blob }), null);
    });

    test("Comes to nothing the second time.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      await store.drop({ session: sessionKey(), actor: "first" });
      const before = await snapshot(store);
      assert.deepEqual(await store.drop({ session: sessionKey(), actor: "second" }), nothing);
      assert.deepEqual(await snapshot(store), before);
    });

    test("Of an unknown session comes to nothing and leaves no tombstone.", async (store) => {
      assert.deepEqual(await store.drop({ session: sessionKey(), actor: "test" }), nothing);
      assert.equal(await store.tombstone(sessionKey()), null);
      assert.deepEqual(await allChanges(store), []);
      await appendTo(store, "s-1", plain(1, 1));
    });

    test("Leaves every other session as it was.", async (store) => {
      for (const name of ["s-1", "s-2"]) await appendTo(store, name, keyed(1, 3));
      const foreign = { ...logKey(), project: "p-2" };
      await store.append({ log: foreign, entries: keyed(1, 2) });
      const row = await store.session(sessionKey("s-2"));
      await store.drop({ session: sessionKey(), actor: "test" });
      assert.deepEqual(await store.session(sessionKey("s-2")), row);
      assert.equal((await bodiesOf(store, logKey("s-2"))).length, 3);
      assert.equal((await bodiesOf(store, foreign)).length, 2);
    });

    test("Writes one change row.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      await store.drop({ session: sessionKey(), actor: "test" });
      const last = (await allChanges(store)).at(-1);
      assert.deepEqual([last?.seq, last?.kind, last?.project, last?.session], [2, "dropped", "p-1", "s-1"]);
    });

    test("Of one log removes that log only.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      await store.append({ log: logKey("s-1", "subagents/a"), entries: plain(1, 2) });
      const result = await store.drop({ session: sessionKey(), log: "subagents/a", actor: "test" });
      assert.deepEqual(result, { dropped: true, logs: 1, entries: 2, blobs: 0 });
      assert.deepEqual(
        (await store.logs(sessionKey())).map(({ log }) => log),
        [""],
      );
      const row = await store.session(sessionKey());
      assert.deepEqual([row?.entries, row?.length, row?.mainHead], [3, 21, 3]);
      assert.equal(await store.tombstone(sessionKey()), null);
      const last = (await allChanges(store)).at(-1);
      assert.deepEqual([last?.kind, last?.log], ["log_dropped", "subagents/a"]);
    });

    test("Of the main log keeps the session, with a main head of 0.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      await store.append({ log: logKey("s-1", "subagents/a"), entries: plain(1, 2) });
      await store.drop({ session: sessionKey(), log: "", actor: "test" });
      const row = await store.session(sessionKey());
      assert.deepEqual([row?.entries, row?.mainHead, row?.summary], [2, 0, null]);
      assert.equal((await appendTo(store, "s-1", plain(1, 1))).from, 1);
    });

    test("Of one of Holdfast's own logs leaves the counts as they were.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      await store.append({ log: logKey("s-1", "@run/1"), entries: plain(1, 2) });
      await store.drop({ session: sessionKey(), log: "@run/1", actor: "test" });
      const row = await store.session(sessionKey());
      assert.deepEqual([row?.entries, row?.length], [3, 21]);
    });

    test("Of a session that has nothing but an input takes the input, and nothing runs it later.", async (store) => {
      await store.admit({ session: sessionKey(), key: "k-1", body: "{}" });
      await store.admit({ session: sessionKey("s-2"), key: "k-1", body: "{}" });
      assert.equal((await store.drop({ session: sessionKey(), actor: "test" })).dropped, true);
      const claim = await store.claim({ worker: "w-1", leaseMs: 60_000 });
      assert.equal(claim?.run.session, "s-2");
      assert.equal(await store.claim({ worker: "w-1", leaseMs: 60_000 }), null);
      assert.deepEqual(await store.inputs({ session: sessionKey() }), []);
      assert.equal((await store.tombstone(sessionKey()))?.sealed, true);
    });

    test("Of a session that has only Holdfast's own logs removes them.", async (store) => {
      await store.append({ log: logKey("s-1", "@order"), entries: plain(1, 2) });
      const { dropped, logs, entries } = await store.drop({ session: sessionKey(), actor: "test" });
      assert.deepEqual([dropped, logs, entries], [true, 1, 2]);
      assert.deepEqual(await bodiesOf(store, logKey("s-1", "@order")), []);
      assert.equal((await store.tombstone(sessionKey()))?.actor, "test");
    });

    test("Of an unknown log comes to nothing.", async (store) => {
      assert.deepEqual(await store.drop({ session: sessionKey(), log: "x", actor: "test" }), nothing);
      await appendTo(store, "s-1", plain(1, 3));
      const before = await snapshot(store);
      assert.deepEqual(await store.drop({ session: sessionKey(), log: "x", actor: "test" }), nothing);
      assert.deepEqual(await snapshot(store), before);
    });
  });
}
