import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { appendTo, logKey, plain, sessionKey } from "./samples.ts";

/** The logs of a session. */
export function logsTests({ describe, test }: StoreTests): void {
  describe("logs", () => {
    test("Of an unknown session there are none.", async (store) => {
      assert.deepEqual(await store.logs(sessionKey()), []);
    });

    test("Each log tells its head, its length and its times.", async (store) => {
      await appendTo(store, "s-1", [
        { body: '{"a":1}', atMs: 1000 },
        { body: '{"b":"😀"}', atMs: 3000 },
      ]);
      await store.append({ log: logKey("s-1", "subagents/a"), entries: [{ body: "{}", atMs: 2000 }] });
      assert.deepEqual(await store.logs(sessionKey()), [
        { log: "", head: 2, committed: 2, length: 17, createdAtMs: 1000, updatedAtMs: 3000 },
        { log: "subagents/a", head: 1, committed: 1, length: 2, createdAtMs: 2000, updatedAtMs: 2000 },
      ]);
    });

    test("They come in the order of their names' bytes, Holdfast's own among them.", async (store) => {
      const names = ["", "@run/1", "B", "a", "a/b", "é", "\uffee", "😀"];
      for (const log of names.toReversed())
        await store.append({ log: logKey("s-1", log), entries: plain(1, 1) });
      assert.deepEqual(
        (await store.logs(sessionKey())).map(({ log }) => log),
        names,
      );
    });

    test("A session shows no log of another one.", async (store) => {
      await store.append({ log: logKey("s-2", "x"), entries: plain(1, 1) });
      await store.append({ log: { ...logKey("s-1", "y"), project: "p-2" }, entries: plain(1, 1) });
      await appendTo(store, "s-1", plain(1, 1));
      assert.deepEqual(
        (await store.logs(sessionKey())).map(({ log }) => log),
        [""],
      );
    });
  });
}
