import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { allChanges, appendTo, keyed, logKey, plain, refused, sessionKey } from "./samples.ts";

/** The gapless feed of what was committed. */
export function changesTests({ describe, test }: StoreTests): void {
  describe("changes", () => {
    test("Of an empty store are none, at position 0.", async (store) => {
      assert.deepEqual(await store.changes({ after: 0 }), { changes: [], position: 0 });
    });

    test("Tell every write in order, without a gap.", async (store) => {
      const before = Date.now();
      await appendTo(store, "s-1", plain(1, 2));
      await store.describe({ session: sessionKey(), title: "T" });
      await store.append({ log: logKey("s-2", "x"), entries: plain(1, 1) });
      await store.drop({ session: sessionKey("s-2"), log: "x", actor: "test" });
      await store.drop({ session: sessionKey("s-1"), actor: "test" });
      const changes = await allChanges(store);
      for (const { atMs } of changes) assert.ok(atMs >= before && atMs <= Date.now());
      assert.deepEqual(
        changes.map(({ atMs: _, ...rest }) => rest),
        [
          { seq: 1, ...sessionKey("s-1"), kind: "appended", log: "", from: 1, to: 2 },
          { seq: 2, ...sessionKey("s-1"), kind: "described" },
          { seq: 3, ...sessionKey("s-2"), kind: "appended", log: "x", from: 1, to: 1 },
          { seq: 4, ...sessionKey("s-2"), kind: "log_dropped", log: "x" },
          { seq: 5, ...sessionKey("s-1"), kind: "dropped" },
        ],
      );
    });

    test("Say nothing of writes that changed nothing or were refused.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 2));
      await appendTo(store, "s-1", keyed(1, 2));
      await appendTo(store, "s-1", []);
      await store.drop({ session: sessionKey("none"), actor: "test" });
      await store.drop({ session: sessionKey(), log: "none", actor: "test" });
      await refused("head_conflict", () =>
        store.append({ log: logKey(), entries: plain(1, 1), expectHead: 9 }),
      );
      await refused("session_unknown", () => store.describe({ session: sessionKey("none"), title: "T" }));
      await appendTo(store, "s-1", keyed(3, 3));
      assert.deepEqual(
        (await allChanges(store)).map(({ seq, from, to }) => [seq, from, to]),
        [
          [1, 1, 2],
          [2, 3, 3],
        ],
      );
    });

    test("Come in pages that tell the position of the whole feed.", async (store) => {
      for (let n = 1; n <= 7; n += 1) await appendTo(store, `s-${n}`, plain(1, 1));
      const page = await store.changes({ after: 2, limit: 3 });
      assert.deepEqual([page.changes.map(({ seq }) => seq), page.position], [[3, 4, 5], 7]);
      // Also of what came since the last look.
      await appendTo(store, "s-8", plain(1, 1));
      assert.equal((await store.changes({ after: 2, limit: 3 })).position, 8);
      assert.deepEqual(await store.changes({ after: 8 }), { changes: [], position: 8 });
    });

    test("Without a limit come 100 a page.", async (store) => {
      await Promise.all(Array.from({ length: 101 }, (_, n) => appendTo(store, `s-${n}`, plain(1, 1))));
      const page = await store.changes({ after: 0 });
      assert.deepEqual([page.changes.length, page.position], [100, 101]);
    });

    test("Refuse a position in the future, never clamped, and a limit out of range.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      for (const after of [2, -1, 0.5]) await refused("cursor_ahead", () => store.changes({ after }));
      for (const limit of [0, 1001]) await refused("invalid_limit", () => store.changes({ after: 0, limit }));
    });
  });
}
