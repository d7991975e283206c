import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { appendTo, bodiesOf, keyed, logKey, plain, sessionKey, snapshot } from "./samples.ts";

/** What a uuid promises: once in its log. */
export function dedupeTests({ describe, test }: StoreTests): void {
  describe("dedupe", () => {
    test("A batch that comes again is counted and changes nothing.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 3));
      const before = await snapshot(store);
      const again = await appendTo(store, "s-1", keyed(1, 3));
      assert.deepEqual(again, { from: 4, to: 3, appended: 0, duplicates: 3, committed: 3 });
      assert.deepEqual(await snapshot(store), before);
    });

    test("Retries that overlap keep each entry once, in the order of arrival.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 3));
      const result = await appendTo(store, "s-1", keyed(2, 5));
      assert.deepEqual(result, { from: 4, to: 5, appended: 2, duplicates: 2, committed: 5 });
      assert.deepEqual(
        await bodiesOf(store, logKey()),
        keyed(1, 5).map(({ body }) => body),
      );
      const { entries } = await store.read({ log: logKey() });
      assert.deepEqual(
        entries.map(({ seq, uuid }) => [seq, uuid]),
        keyed(1, 5).map(({ uuid }, index) => [index + 1, uuid]),
      );
    });

    test("A duplicate between new entries leaves no gap.", async (store) => {
      await appendTo(store, "s-1", keyed(2, 2));
      const result = await appendTo(store, "s-1", keyed(1, 3));
      assert.deepEqual(result, { from: 2, to: 3, appended: 2, duplicates: 1, committed: 3 });
      assert.deepEqual(await bodiesOf(store, logKey()), ['{"n":2}', '{"n":1}', '{"n":3}']);
    });

    test("Inside one batch the first of two wins.", async (store) => {
      const entries = [
        { body: '{"v":1}', uuid: "u" },
        { body: '{"v":2}', uuid: "u" },
        { body: '{"v":3}', uuid: "w" },
      ];
      const result = await appendTo(store, "s-1", entries);
      assert.deepEqual(result, { from: 1, to: 2, appended: 2, duplicates: 1, committed: 2 });
      assert.deepEqual(await bodiesOf(store, logKey()), ['{"v":1}', '{"v":3}']);
    });

    test("A known uuid with another body keeps the first body.", async (store) => {
      await appendTo(store, "s-1", [{ body: '{"v":1}', uuid: "u" }]);
      const result = await appendTo(store, "s-1", [{ body: '{"v":2}', uuid: "u" }]);
      assert.equal(result.duplicates, 1);
      assert.deepEqual(await bodiesOf(store, logKey()), ['{"v":1}']);
    });

    test("Entries without a uuid are appended each time.", async (store) => {
      await appendTo(store, "s-1", plain(1, 2));
      const again = await appendTo(store, "s-1", plain(1, 2));
      assert.deepEqual([again.appended, again.duplicates], [2, 0]);
      assert.equal((await store.read({ log: logKey() })).head, 4);
    });

    test("The scope of a uuid is its log, so a fork may carry it along.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 2));
      for (const log of [logKey("s-1", "subagents/a"), logKey("s-2"), { ...logKey(), project: "p-2" }]) {
        const result = await store.append({ log, entries: keyed(1, 2) });
        assert.deepEqual([result.appended, result.duplicates], [2, 0]);
      }
    });

    test("A uuid is told from one in another case or with another ending.", async (store) => {
      const entries = ["a", "A", "a ", "ä", "a\u0308"].map((uuid) => ({ body: "{}", uuid }));
      assert.equal((await appendTo(store, "s-1", entries)).appended, 5);
    });

    test("A duplicate weighs nothing in the session's counts.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 2));
      await appendTo(store, "s-1", keyed(1, 3));
      const row = await store.session(sessionKey());
      assert.deepEqual([row?.entries, row?.length, row?.mainHead], [3, 21, 3]);
    });

    test("A dropped log forgets its uuids.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 2));
      await store.drop({ session: sessionKey(), log: "", actor: "test" });
      const result = await appendTo(store, "s-1", keyed(1, 2));
      assert.deepEqual([result.from, result.appended, result.duplicates], [1, 2, 0]);
    });
  });
}
