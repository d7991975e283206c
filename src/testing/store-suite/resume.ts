import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import {
  allChanges,
  allSessions,
  appendTo,
  namesOf,
  plain,
  refused,
  sessionKey,
  snapshot,
} from "./samples.ts";
import { begin, commitOf, stage } from "./work-samples.ts";

const session = sessionKey();
const resume = { key: "task-1", token: "t-1" };

/** What a dispatcher resumes a session by. */
export function resumeTests({ describe, test }: StoreTests): void {
  describe("resume", () => {
    test("Key and token are none at first, and kept as they were given.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const before = await store.session(session);
      assert.deepEqual([before?.resumeKey, before?.resumeToken], [null, null]);
      const row = await store.describe({ session, resume });
      assert.deepEqual(row, { ...before, resumeKey: "task-1", resumeToken: "t-1" });
      assert.deepEqual(await store.session(session), row);
      assert.equal((await allChanges(store)).at(-1)?.kind, "described");
    });

    test("Key finds its session, taken literally.", async (store) => {
      for (const [name, key] of Object.entries({ "s-1": "a", "s-2": "A", "s-3": "a%", "s-4": null })) {
        await appendTo(store, name, plain(1, 1));
        if (key !== null) await store.describe({ session: sessionKey(name), resume: { key, token: "t" } });
      }
      const found = async (resumeKey: string) => namesOf(await allSessions(store, { filter: { resumeKey } }));
      assert.deepEqual(await found("a"), ["s-1"]);
      assert.deepEqual(await found("A"), ["s-2"]);
      assert.deepEqual(await found("a%"), ["s-3"]);
      assert.deepEqual(await found("%"), []);
    });

    test("Key moves to the session that was given it last, within its project.", async (store) => {
      const foreign = { project: "p-2", session: "s-1" };
      for (const key of [session, sessionKey("s-2"), foreign]) {
        await store.append({ log: { ...key, log: "" }, entries: plain(1, 1) });
        await store.describe({ session: key, resume: { ...resume, token: `of ${key.session}` } });
      }
      assert.equal((await store.session(session))?.resumeKey, null);
      assert.equal((await store.session(sessionKey("s-2")))?.resumeKey, "task-1");
      assert.equal((await store.session(foreign))?.resumeKey, "task-1");
      const filter = { project: "p-1", resumeKey: "task-1" };
      assert.deepEqual(namesOf(await allSessions(store, { filter })), ["s-2"]);
    });

    test("Key given again to its own session takes the new token.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await store.describe({ session, resume });
      const row = await store.describe({ session, resume: { key: "task-1", token: "t-2" } });
      assert.deepEqual([row.resumeKey, row.resumeToken], ["task-1", "t-2"]);
      const other = await store.describe({ session, resume: { key: "task-2", token: "t-3" } });
      assert.equal(other.resumeKey, "task-2");
      assert.deepEqual(await allSessions(store, { filter: { resumeKey: "task-1" } }), []);
    });

    test("Key and token stay over every other write, and null forgets both.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await store.describe({ session, resume });
      await store.describe({ session, title: "T", labels: { a: "b" } });
      const claim = await begin(store);
      await stage(store, claim, plain(2, 2));
      await commitOf(store, claim);
      const row = await store.session(session);
      assert.deepEqual([row?.resumeKey, row?.resumeToken], ["task-1", "t-1"]);
      const forgotten = await store.describe({ session, resume: null });
      assert.deepEqual([forgotten.resumeKey, forgotten.resumeToken, forgotten.title], [null, null, "T"]);
    });

    test("Token is forgotten when the lease is cleared, and the key is not.", async (store) => {
      for (const name of ["s-1", "s-2"]) {
        await appendTo(store, name, plain(1, 1));
        await store.describe({ session: sessionKey(name), resume: { key: name, token: "t" } });
      }
      await store.clearLease({ session, actor: "ops" });
      const row = await store.session(session);
      assert.deepEqual([row?.resumeKey, row?.resumeToken], ["s-1", null]);
      assert.equal((await store.session(sessionKey("s-2")))?.resumeToken, "t");
    });

    test("Key of a dropped session is free.", async (store) => {
      for (const name of ["s-1", "s-2"]) await appendTo(store, name, plain(1, 1));
      await store.describe({ session, resume });
      await store.drop({ session, actor: "test" });
      assert.deepEqual(await allSessions(store, { filter: { resumeKey: "task-1" } }), []);
      const row = await store.describe({ session: sessionKey("s-2"), resume });
      assert.equal(row.resumeKey, "task-1");
    });

    test("Key of a session that is not there, or beside a refused summary, changes nothing.", async (store) => {
      await refused("session_unknown", () => store.describe({ session, resume }));
      for (const name of ["s-1", "s-2"]) await appendTo(store, name, plain(1, 1));
      await store.describe({ session, resume });
      const before = [await snapshot(store), await snapshot(store, "s-2")];
      const summary = { data: "{}", head: 9 };
      await refused("head_conflict", () => store.describe({ session: sessionKey("s-2"), resume, summary }));
      assert.deepEqual([await snapshot(store), await snapshot(store, "s-2")], before);
    });

    test("Key binds the cursor of a list like every other filter.", async (store) => {
      for (const project of ["p-1", "p-2", "p-3"]) {
        const key = { project, session: "s-1" };
        await store.append({ log: { ...key, log: "" }, entries: plain(1, 1) });
        await store.describe({ session: key, resume });
      }
      const filter = { resumeKey: "task-1" };
      const { cursor } = await store.sessions({ filter, limit: 1 });
      assert.ok(cursor !== undefined);
      await refused("cursor_invalid", () => store.sessions({ filter: { resumeKey: "other" }, cursor }));
      await refused("cursor_invalid", () => store.sessions({ cursor }));
      assert.equal((await allSessions(store, { filter, limit: 1 })).length, 3);
    });
  });
}
