import assert from "node:assert/strict";
import type { Store } from "../../core/store.ts";
import type { StoreTests } from "./harness.ts";
import { allSessions, logKey, namesOf, refused, sessionKey } from "./samples.ts";

/** The list of sessions. */
export function sessionsTests({ describe, test }: StoreTests): void {
  describe("sessions", () => {
    test("Of an empty store are one empty page.", async (store) => {
      assert.deepEqual(await store.sessions(), { sessions: [] });
    });

    test("Come newest first, by the time of their last entry.", async (store) => {
      for (const [name, atMs] of [
        ["a", 3000],
        ["b", 1000],
        ["c", 2000],
      ] as const)
        await make(store, name, atMs);
      assert.deepEqual(namesOf(await allSessions(store)), ["a", "c", "b"]);
      await make(store, "b", 9000);
      assert.deepEqual(namesOf(await allSessions(store)), ["b", "a", "c"]);
    });

    test("Of the same time come by their making, newest first.", async (store) => {
      for (const name of ["b", "a", "c"]) await make(store, name, 1000);
      assert.deepEqual(namesOf(await allSessions(store)), ["c", "a", "b"]);
    });

    test("Are the same rows that session() gives.", async (store) => {
      await make(store, "a", 1000);
      await store.describe({ session: sessionKey("a"), title: "T", labels: { k: "v" } });
      assert.deepEqual((await store.sessions()).sessions, [await store.session(sessionKey("a"))]);
    });

    test("Come each once over many pages, with equal times too.", async (store) => {
      for (let n = 0; n < 25; n += 1) await make(store, `s-${n}`, 1000 + Math.floor(n / 10));
      const names = namesOf(await allSessions(store, { limit: 4 }));
      assert.deepEqual(
        names,
        Array.from({ length: 25 }, (_, n) => `s-${24 - n}`),
      );
    });

    test("Give no cursor on the last page, full or not.", async (store) => {
      for (let n = 0; n < 4; n += 1) await make(store, `s-${n}`, 1000 + n);
      const first = await store.sessions({ limit: 2 });
      assert.equal(first.sessions.length, 2);
      const second = await store.sessions({ limit: 2, cursor: first.cursor! });
      assert.deepEqual([second.sessions.length, "cursor" in second], [2, false]);
    });

    test("Of a page with no limit are 50 at most.", async (store) => {
      for (let n = 0; n < 51; n += 1) await make(store, `s-${n}`, 1000 + n);
      const page = await store.sessions();
      assert.deepEqual([page.sessions.length, typeof page.cursor], [50, "string"]);
    });

    test("That are new do not shift the pages behind a cursor.", async (store) => {
      for (let n = 0; n < 6; n += 1) await make(store, `s-${n}`, 1000 + n);
      const first = await store.sessions({ limit: 3 });
      await make(store, "newer", 9000);
      const second = await store.sessions({ limit: 3, cursor: first.cursor! });
      assert.deepEqual(namesOf(second.sessions), ["s-2", "s-1", "s-0"]);
    });

    test("Can be filtered by project, provider, time and the start of their name.", async (store) => {
      await make(store, "ab-1", 1000);
      await make(store, "ab-2", 2000);
      await make(store, "cd-1", 3000);
      await store.append({ log: logKey("cd-2"), entries: [{ body: "{}", atMs: 4000 }], provider: "codex" });
      await store.append({
        log: { ...logKey("ab-3"), project: "p-2" },
        entries: [{ body: "{}", atMs: 5000 }],
      });
      assert.deepEqual(namesOf(await allSessions(store, { filter: { project: "p-2" } })), ["ab-3"]);
      assert.deepEqual(namesOf(await allSessions(store, { filter: { provider: "codex" } })), ["cd-2"]);
      assert.deepEqual(namesOf(await allSessions(store, { filter: { sinceMs: 3000 } })), [
        "ab-3",
        "cd-2",
        "cd-1",
      ]);
      assert.deepEqual(namesOf(await allSessions(store, { filter: { sessionPrefix: "ab-" } })), [
        "ab-3",
        "ab-2",
        "ab-1",
      ]);
      const both = { project: "p-1", sessionPrefix: "ab-", sinceMs: 1500 };
      assert.deepEqual(namesOf(await allSessions(store, { filter: both, limit: 1 })), ["ab-2"]);
      assert.deepEqual(await allSessions(store, { filter: { project: "p" } }), []);
    });

    test("Can be filtered by a part of their title in any case, taken literally.", async (store) => {
      const titles = ["Fix the ÉCLAIR bug", "100% done", "snake_case", "fix nothing", null];
      for (const [n, title] of titles.entries()) {
        await make(store, `s-${n}`, 1000 + n);
        await store.describe({ session: sessionKey(`s-${n}`), title });
      }
      const found = async (title: string) => namesOf(await allSessions(store, { filter: { title } }));
      assert.deepEqual(await found("FIX"), ["s-3", "s-0"]);
      assert.deepEqual(await found("éclair"), ["s-0"]);
      assert.deepEqual(await found("%"), ["s-1"]);
      assert.deepEqual(await found("_"), ["s-2"]);
      assert.deepEqual(await found("*"), []);
    });

    test("Can be filtered by a start that holds metacharacters.", async (store) => {
      for (const [n, name] of ["a%b", "a_b", "axb", "A_b", "a*b"].entries())
        await make(store, name, 1000 + n);
      for (const sessionPrefix of ["a%", "a_", "A_", "a*"]) {
        assert.deepEqual(namesOf(await allSessions(store, { filter: { sessionPrefix } })), [
          `${sessionPrefix}b`,
        ]);
      }
    });

    test("Refuse a cursor that was made for another filter, or for none.", async (store) => {
      for (let n = 0; n < 3; n += 1) await make(store, `s-${n}`, 1000 + n);
      const { cursor } = await store.sessions({ filter: { project: "p-1" }, limit: 1 });
      assert.ok(cursor !== undefined);
      await refused("cursor_invalid", () => store.sessions({ filter: { project: "p-2" }, cursor, limit: 1 }));
      await refused("cursor_invalid", () => store.sessions({ cursor, limit: 1 }));
      const next = await store.sessions({ filter: { project: "p-1" }, cursor, limit: 2 });
      assert.deepEqual(namesOf(next.sessions), ["s-1", "s-0"]);
    });

    test("Refuse a cursor that they never made, and a limit out of range.", async (store) => {
      for (const cursor of ["", "nonsense", "WzFd", "%%%"]) {
        await refused("cursor_invalid", () => store.sessions({ cursor }));
      }
      for (const limit of [0, -1, 1001, 1.5]) await refused("invalid_limit", () => store.sessions({ limit }));
    });

    test("Forget what was dropped.", async (store) => {
      for (let n = 0; n < 4; n += 1) await make(store, `s-${n}`, 1000 + n);
      const first = await store.sessions({ limit: 2 });
      await store.drop({ session: sessionKey("s-2"), actor: "test" });
      await store.drop({ session: sessionKey("s-1"), actor: "test" });
      assert.deepEqual(namesOf(await allSessions(store)), ["s-3", "s-0"]);
      const second = await store.sessions({ limit: 2, cursor: first.cursor! });
      assert.deepEqual(namesOf(second.sessions), ["s-0"]);
    });
  });
}

async function make(store: Store, session: string, atMs: number): Promise<void> {
  await store.append({ log: logKey(session), entries: [{ body: "{}", atMs }] });
}
