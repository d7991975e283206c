import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { appendTo, bodiesOf, keyed, logKey, plain, sessionKey, snapshot } from "./samples.ts";

/** Nothing that goes in or comes out is shared with the store's own state. */
export function isolationTests({ describe, test }: StoreTests): void {
  describe("isolation", () => {
    test("Spoiling what was returned spoils nothing that is stored.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 2));
      await store.describe({ session: sessionKey(), title: "T", labels: { a: "1" } });
      await appendTo(store, "s-2", keyed(1, 2));
      await store.drop({ session: sessionKey("s-2"), actor: "test" });
      // A clone: a store that shares what it returns would otherwise spoil this along.
      const before = structuredClone([
        await snapshot(store, "s-1"),
        await snapshot(store, "s-2"),
        await store.sessions(),
      ]);
      spoil(await store.read({ log: logKey() }));
      spoil(await store.read({ log: logKey(), order: "desc" }));
      spoil(await store.logs(sessionKey()));
      spoil(await store.session(sessionKey()));
      spoil(await store.sessions());
      spoil(await store.tombstone(sessionKey("s-2")));
      spoil(await store.changes({ after: 0 }));
      spoil(await store.health());
      const after = [await snapshot(store, "s-1"), await snapshot(store, "s-2"), await store.sessions()];
      assert.deepEqual(after, before);
    });

    test("Spoiling the row that describe returned spoils nothing that is stored.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      spoil(await store.describe({ session: sessionKey(), title: "T", labels: { a: "1" } }));
      const row = await store.session(sessionKey());
      assert.deepEqual([row?.title, row?.labels], ["T", { a: "1" }]);
    });

    test("Spoiling a batch after the call, even before it is answered, changes nothing of it.", async (store) => {
      const log = logKey();
      const entries = keyed(1, 2);
      const append = store.append({ log, entries });
      for (const entry of entries) Reflect.set(entry, "body", '{"spoiled":true}');
      entries.push({ body: '{"late":true}' });
      Reflect.set(log, "session", "s-9");
      await append;
      assert.deepEqual(await bodiesOf(store, logKey()), ['{"n":1}', '{"n":2}']);
    });

    test("Spoiling labels after the call, even before it is answered, changes nothing of them.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const labels: Record<string, string> = { a: "1" };
      const describing = store.describe({ session: sessionKey(), labels });
      labels["a"] = "spoiled";
      await describing;
      labels["b"] = "late";
      assert.deepEqual((await store.session(sessionKey()))?.labels, { a: "1" });
    });

    test("Spoiling a blob's bytes, given or returned, changes nothing of it.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const bytes = Uint8Array.of(1, 2, 3);
      const putting = store.putBlob({ session: sessionKey(), bytes });
      bytes.fill(9);
      const { blob } = await putting;
      (await store.getBlob({ blob }))!.fill(8);
      assert.deepEqual([...(await store.getBlob({ blob }))!], [1, 2, 3]);
    });

    test("A read that was taken does not grow with the log.", async (store) => {
      await appendTo(store, "s-1", plain(1, 2));
      const taken = await store.read({ log: logKey() });
      const feed = await store.changes({ after: 0 });
      await appendTo(store, "s-1", plain(3, 3));
      assert.deepEqual([taken.entries.length, taken.head, feed.changes.length, feed.position], [2, 2, 1, 1]);
    });
  });
}

// A store may return frozen objects: then setting fails, which is as good.
function spoil(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const key of Object.keys(value)) {
    spoil(Reflect.get(value, key));
    Reflect.set(value, key, "spoiled");
  }
  if (Array.isArray(value) && !Object.isFrozen(value)) value.push("spoiled");
}
