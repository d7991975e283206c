import assert from "node:assert/strict";
import type { ClaudeTests } from "./contract.ts";
import { agent, appendLater, elsewhere, keyed, listed, main, many, other } from "./samples.ts";

/** What the lists of sessions and subpaths show. */
export function listTests({ describe, test }: ClaudeTests): void {
  describe("listSessions", () => {
    test("Gives a project's sessions and no other's; an unknown project has none.", async (store) => {
      for (const key of [main, other, elsewhere]) await store.append(key, [keyed("a")]);
      assert.deepEqual(await listed(store), [main.sessionId, other.sessionId].toSorted());
      assert.deepEqual(await listed(store, elsewhere.projectKey), [elsewhere.sessionId]);
      for (const unknown of ["-home", "-home-dev-", "-home-%"])
        assert.deepEqual(await listed(store, unknown), []);
    });

    test("Tells when a session was written, in whole milliseconds of the store's clock.", async (store) => {
      await store.append(main, [{ ...keyed("a"), timestamp: "2001-01-01T00:00:00.000Z" }]);
      const [row] = await store.listSessions(main.projectKey);
      assert.ok(Number.isInteger(row!.mtime), `${row!.mtime} is no whole number.`);
      // The store's clock may be another machine's.
      const apartMs = Math.abs(row!.mtime - Date.now());
      assert.ok(apartMs < 60_000, `${row!.mtime} is not the time of writing.`);
    });

    test("A session's time moves on with an append, and never back.", async (store) => {
      const times: number[] = [];
      for (let at = 0; at < 4; at += 1) {
        await appendLater(store, main, keyed(`a-${at}`));
        times.push((await store.listSessions(main.projectKey))[0]!.mtime);
      }
      assert.deepEqual(
        times,
        [...new Set(times)].toSorted((a, b) => a - b),
      );
    });

    test("A session that has only a subpath is not listed.", async (store) => {
      await store.append(agent, [keyed("a")]);
      assert.deepEqual(await listed(store), []);
      await store.append(main, [keyed("a")]);
      assert.deepEqual(await listed(store), [main.sessionId]);
    });

    test("Lists 10,000 sessions, each once.", async (store) => {
      const ids = Array.from({ length: 10_000 }, (_, at) => `s-${String(at).padStart(5, "0")}`);
      await Promise.all(ids.map((sessionId) => store.append({ ...main, sessionId }, [keyed("a")])));
      const found = await listed(store);
      assert.equal(found.length, ids.length);
      assert.ok(
        found.every((id, at) => id === ids[at]),
        "A session is missing or listed twice.",
      );
    });
  });

  describe("listSubkeys", () => {
    test("Gives a session's subpaths, without the main transcript and without another's.", async (store) => {
      assert.deepEqual(await store.listSubkeys(main), []);
      const subpaths = ["subagents/agent-1", "subagents/agent-10", "subagents/workflows/w/agent-2", "other"];
      await store.append(main, [keyed("a")]);
      for (const subpath of subpaths) await store.append({ ...main, subpath }, [keyed("a")]);
      await store.append({ ...other, subpath: "subagents/agent-3" }, [keyed("a")]);
      await store.append({ ...elsewhere, subpath: "subagents/agent-4" }, [keyed("a")]);
      assert.deepEqual((await store.listSubkeys(main)).toSorted(), subpaths.toSorted());
    });

    test("A session whose id begins with another's has its own.", async (store) => {
      const longer = { ...main, sessionId: `${main.sessionId}-more` };
      await store.append({ ...longer, subpath: "x" }, many("a", 1));
      assert.deepEqual(await store.listSubkeys(main), []);
      assert.deepEqual(await store.listSubkeys(longer), ["x"]);
    });
  });
}
