import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { appendTo, logKey, plain, sessionKey } from "./samples.ts";

/** A session's catalogue row. */
export function sessionTests({ describe, test }: StoreTests): void {
  describe("session", () => {
    test("Is null where nothing was written.", async (store) => {
      assert.equal(await store.session(sessionKey()), null);
    });

    test("Tells all that the catalogue knows.", async (store) => {
      const entries = [
        { body: '{"a":1}', atMs: 1000 },
        { body: '{"bb":2}', atMs: 4000 },
      ];
      await store.append({ log: logKey(), entries, provider: "scripted" });
      assert.deepEqual(await store.session(sessionKey()), {
        ...sessionKey(),
        provider: "scripted",
        title: null,
        labels: {},
        summary: null,
        createdAtMs: 1000,
        updatedAtMs: 4000,
        mainHead: 2,
        entries: 2,
        length: 15,
        revision: 0,
        resumeKey: null,
        resumeToken: null,
      });
    });

    test("Counts the agent's logs together, and Holdfast's own not at all.", async (store) => {
      await appendTo(store, "s-1", plain(1, 2));
      await store.append({ log: logKey("s-1", "subagents/a"), entries: plain(1, 3) });
      await store.append({ log: logKey("s-1", "@run/1"), entries: plain(1, 9) });
      const row = await store.session(sessionKey());
      assert.deepEqual([row?.entries, row?.length, row?.mainHead], [5, 35, 2]);
    });

    test("Is none while only Holdfast's own logs were written, and there from the first other entry on.", async (store) => {
      await store.append({ log: logKey("s-1", "@order"), entries: plain(1, 2) });
      assert.equal(await store.session(sessionKey()), null);
      assert.deepEqual(await store.sessions(), { sessions: [] });
      assert.equal((await store.read({ log: logKey("s-1", "@order") })).committed, 2);
      await store.append({ log: logKey("s-1", "@order"), entries: plain(3, 3) });
      await appendTo(store, "s-1", plain(1, 1));
      const row = await store.session(sessionKey());
      assert.deepEqual([row?.entries, row?.mainHead], [1, 1]);
      assert.deepEqual((await store.sessions()).sessions, [row]);
    });

    test("Has a main head of 0 while only other logs were written.", async (store) => {
      await store.append({ log: logKey("s-1", "subagents/a"), entries: plain(1, 3) });
      const row = await store.session(sessionKey());
      assert.deepEqual([row?.entries, row?.mainHead], [3, 0]);
    });

    test("Never goes back in time.", async (store) => {
      await appendTo(store, "s-1", [{ body: "{}", atMs: 5000 }]);
      await store.append({ log: logKey("s-1", "subagents/a"), entries: [{ body: "{}", atMs: 2000 }] });
      const row = await store.session(sessionKey());
      assert.deepEqual([row?.createdAtMs, row?.updatedAtMs], [5000, 5000]);
    });

    test("Is told from one with the same name in another project.", async (store) => {
      await appendTo(store, "s-1", plain(1, 2));
      assert.equal(await store.session({ ...sessionKey(), project: "p-2" }), null);
      await store.append({ log: { ...logKey(), project: "p-2" }, entries: plain(1, 7) });
      assert.equal((await store.session(sessionKey()))?.entries, 2);
    });
  });
}
