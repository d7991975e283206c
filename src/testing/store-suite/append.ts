import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { allChanges, bodiesOf, logKey, plain, refused, sessionKey, snapshot } from "./samples.ts";

/** What an append answers and leaves behind. */
export function appendTests({ describe, test }: StoreTests): void {
  describe("append", () => {
    test("numbers the entries of a log from 1 without a gap, batch after batch.", async (store) => {
      const first = await store.append({ log: logKey(), entries: plain(1, 3) });
      assert.deepEqual(first, { from: 1, to: 3, appended: 3, duplicates: 0, committed: 3 });
      const second = await store.append({ log: logKey(), entries: plain(4, 5) });
      assert.deepEqual(second, { from: 4, to: 5, appended: 2, duplicates: 0, committed: 5 });
      const { entries } = await store.read({ log: logKey() });
      assert.deepEqual(
        entries.map(({ seq, body }) => [seq, body]),
        plain(1, 5).map(({ body }, index) => [index + 1, body]),
      );
    });

    test("numbers each log on its own.", async (store) => {
      await store.append({ log: logKey(), entries: plain(1, 3) });
      const other = await store.append({ log: logKey("s-1", "subagents/agent-1"), entries: plain(1, 1) });
      assert.equal(other.from, 1);
      const foreign = await store.append({ log: { ...logKey(), project: "p-2" }, entries: plain(1, 1) });
      assert.equal(foreign.from, 1);
    });

    test("of nothing leaves nothing behind.", async (store) => {
      const before = await snapshot(store);
      const result = await store.append({ log: logKey(), entries: [] });
      assert.deepEqual(result, { from: 1, to: 0, appended: 0, duplicates: 0, committed: 0 });
      assert.deepEqual(await snapshot(store), before);
      assert.equal(await store.session(sessionKey()), null);
    });

    test("of nothing to a known log changes nothing and tells the head.", async (store) => {
      await store.append({ log: logKey(), entries: plain(1, 2) });
      const before = await snapshot(store);
      const result = await store.append({ log: logKey(), entries: [] });
      assert.deepEqual(result, { from: 3, to: 2, appended: 0, duplicates: 0, committed: 2 });
      assert.deepEqual(await snapshot(store), before);
    });

    test("of nothing still refuses a key that no store could keep.", async (store) => {
      await refused("invalid_key", () => store.append({ log: logKey(""), entries: [] }));
      await refused("invalid_key", () => store.append({ log: logKey("s-1", "a\0b"), entries: [] }));
    });

    test("with the head that it expects goes through.", async (store) => {
      await store.append({ log: logKey(), entries: plain(1, 2), expectHead: 0 });
      await store.append({ log: logKey(), entries: plain(3, 3), expectHead: 2 });
      assert.deepEqual(
        await bodiesOf(store, logKey()),
        plain(1, 3).map(({ body }) => body),
      );
    });

    test("with another head than it expects is refused and changes nothing.", async (store) => {
      await refused("head_conflict", () =>
        store.append({ log: logKey(), entries: plain(1, 1), expectHead: 1 }),
      );
      assert.equal(await store.session(sessionKey()), null);
      await store.append({ log: logKey(), entries: plain(1, 2) });
      const before = await snapshot(store);
      for (const expectHead of [0, 1, 3]) {
        const error = await refused("head_conflict", () =>
          store.append({ log: logKey(), entries: plain(3, 3), expectHead }),
        );
        assert.equal(error.data["head"], 2);
      }
      assert.deepEqual(await snapshot(store), before);
    });

    test("keeps the provider of the session's first write.", async (store) => {
      await store.append({ log: logKey(), entries: plain(1, 1), provider: "codex" });
      await store.append({ log: logKey(), entries: plain(2, 2), provider: "cursor" });
      assert.equal((await store.session(sessionKey()))?.provider, "codex");
      await store.append({ log: logKey("s-2"), entries: plain(1, 1) });
      assert.equal((await store.session(sessionKey("s-2")))?.provider, "unknown");
    });

    test("keeps the time that an entry brings, but never one that runs backwards in its log.", async (store) => {
      const entries = [5000, 7000, 6000, undefined].map((atMs, n) => ({ body: `{"n":${n}}`, atMs }));
      const before = Date.now();
      await store.append({ log: logKey(), entries: entries.slice(0, 3) });
      const read = await store.read({ log: logKey() });
      assert.deepEqual(
        read.entries.map((entry) => entry.atMs),
        [5000, 7000, 7000],
      );
      await store.append({ log: logKey(), entries: entries.slice(3) });
      const { atMs } = (await store.read({ log: logKey(), after: 3 })).entries[0]!;
      assert.ok(atMs >= before && atMs <= Date.now());
    });

    test("never keeps a time in the store's future.", async (store) => {
      await store.append({ log: logKey(), entries: [{ body: "{}", atMs: Date.now() + 3_600_000 }] });
      const { entries } = await store.read({ log: logKey() });
      assert.ok(entries[0]!.atMs <= Date.now());
    });

    test("writes one change row with its range.", async (store) => {
      await store.append({ log: logKey(), entries: plain(1, 3) });
      await store.append({ log: logKey("s-1", "@run/1"), entries: plain(1, 1) });
      const rows = (await allChanges(store)).map(({ kind, log, from, to }) => ({ kind, log, from, to }));
      assert.deepEqual(rows, [
        { kind: "appended", log: "", from: 1, to: 3 },
        { kind: "appended", log: "@run/1", from: 1, to: 1 },
      ]);
    });
  });
}
