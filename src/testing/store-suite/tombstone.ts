import assert from "node:assert/strict";
import type { TombstonesParams } from "../../core/store.ts";
import type { StoreTests } from "./harness.ts";
import { appendTo, logKey, plain, refused, sessionKey, snapshot } from "./samples.ts";

/** What a drop leaves, and who may write after it. */
export function tombstoneTests({ describe, test }: StoreTests): void {
  describe("tombstone", () => {
    test("There is none for a session that lives, or never lived.", async (store) => {
      assert.equal(await store.tombstone(sessionKey()), null);
      await appendTo(store, "s-1", plain(1, 1));
      assert.equal(await store.tombstone(sessionKey()), null);
    });

    test("Tells who dropped the session, when and why.", async (store) => {
      const before = Date.now();
      await appendTo(store, "s-1", plain(1, 1));
      await store.drop({ session: sessionKey(), actor: "ann", reason: "GDPR" });
      const tombstone = await store.tombstone(sessionKey());
      assert.ok(tombstone !== null && tombstone.droppedAtMs >= before && tombstone.droppedAtMs <= Date.now());
      const { droppedAtMs } = tombstone;
      assert.deepEqual(tombstone, {
        ...sessionKey(),
        droppedAtMs,
        actor: "ann",
        reason: "GDPR",
        sealed: true,
      });
    });

    test("Has no reason where none was given.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await store.drop({ session: sessionKey(), actor: "ann", sealed: false });
      const tombstone = await store.tombstone(sessionKey());
      assert.deepEqual([tombstone?.reason, tombstone?.sealed], [null, false]);
    });

    test("Refuses every later write, to any log, and changes nothing.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await store.drop({ session: sessionKey(), actor: "ann" });
      const before = await snapshot(store);
      for (const log of ["", "subagents/a", "@run/1"]) {
        await refused("session_dropped", () =>
          store.append({ log: logKey("s-1", log), entries: plain(1, 1) }),
        );
      }
      await refused("session_dropped", () =>
        store.putBlob({ session: sessionKey(), bytes: Uint8Array.of(1) }),
      );
      assert.deepEqual(await snapshot(store), before);
    });

    test("That is sealed yields only to a writer who may reopen any.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      await store.drop({ session: sessionKey(), actor: "ann" });
      await refused("session_dropped", () =>
        store.append({ log: logKey(), entries: plain(1, 1), reopen: "unsealed" }),
      );
      const result = await store.append({ log: logKey(), entries: plain(1, 1), reopen: "any" });
      assert.equal(result.from, 1);
    });

    test("That is not sealed yields to the session's own SDK, but not to others.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      await store.drop({ session: sessionKey(), actor: "sdk", sealed: false });
      await refused("session_dropped", () => appendTo(store, "s-1", plain(1, 1)));
      const result = await store.append({ log: logKey(), entries: plain(1, 1), reopen: "unsealed" });
      assert.equal(result.from, 1);
    });

    test("Is gone once the session has started anew, with nothing of the old one.", async (store) => {
      await store.append({ log: logKey(), entries: plain(1, 3), provider: "codex" });
      await store.describe({ session: sessionKey(), title: "old", labels: { a: "1" } });
      await store.drop({ session: sessionKey(), actor: "ann" });
      await store.append({ log: logKey(), entries: plain(1, 1), reopen: "any" });
      assert.equal(await store.tombstone(sessionKey()), null);
      const row = await store.session(sessionKey());
      assert.deepEqual([row?.title, row?.labels, row?.entries, row?.provider], [null, {}, 1, "unknown"]);
      assert.equal((await appendTo(store, "s-1", plain(2, 2))).from, 2);
    });

    test("Outlives a reopening that brings nothing.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await store.drop({ session: sessionKey(), actor: "ann" });
      await store.append({ log: logKey(), entries: [], reopen: "any" });
      assert.equal((await store.tombstone(sessionKey()))?.actor, "ann");
      await refused("session_dropped", () => store.append({ log: logKey(), entries: [] }));
    });

    test("Is found by the beginning of the session's id, the newest removal first.", async (store) => {
      for (const session of ["ab-1", "ab-2", "ab_3", "b-1", "ab-2"]) {
        await store.append({ log: logKey(session), entries: plain(1, 1), reopen: "any" });
        await store.drop({ session: sessionKey(session), actor: "ann" });
      }
      await store.append({ log: { ...logKey("ab-1"), project: "p-2" }, entries: plain(1, 1) });
      await store.drop({ session: { ...sessionKey("ab-1"), project: "p-2" }, actor: "ann" });
      const names = async (params: TombstonesParams): Promise<string[]> =>
        (await store.tombstones(params)).map(({ project, session }) => `${project} ${session}`);
      assert.deepEqual(await names({ sessionPrefix: "ab" }), [
        "p-2 ab-1",
        "p-1 ab-2",
        "p-1 ab_3",
        "p-1 ab-1",
      ]);
      assert.deepEqual(await names({ sessionPrefix: "ab-1", project: "p-1" }), ["p-1 ab-1"]);
      assert.deepEqual(await names({ limit: 2 }), ["p-2 ab-1", "p-1 ab-2"]);
      assert.deepEqual(await names({ sessionPrefix: "abc" }), []);
      assert.deepEqual(
        (await store.tombstones({ sessionPrefix: "b-1" }))[0],
        await store.tombstone(sessionKey("b-1")),
      );
      await refused("invalid_limit", () => store.tombstones({ limit: 0 }));
    });

    test("Binds no session but its own.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await store.drop({ session: sessionKey(), actor: "ann" });
      await appendTo(store, "s-2", plain(1, 1));
      await store.append({ log: { ...logKey(), project: "p-2" }, entries: plain(1, 1) });
      assert.equal(await store.tombstone(sessionKey("s-2")), null);
    });
  });
}
