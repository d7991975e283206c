import assert from "node:assert/strict";
import type { ClaudeTests } from "./contract.ts";
import { agent, assertHolds, keyed, listed, main } from "./samples.ts";

/** The names in a key are opaque: no pattern, no path, no folding of case. */
export function keyTests({ describe, test }: ClaudeTests): void {
  describe("keys", () => {
    test("Sessions with odd names are listed as they are named, and deleted each alone.", async (store) => {
      for (const sessionId of oddNames) await store.append({ ...main, sessionId }, [keyed("a", sessionId)]);
      assert.deepEqual(await listed(store), oddNames.toSorted());
      for (const sessionId of oddNames)
        await assertHolds(store, { ...main, sessionId }, [keyed("a", sessionId)]);
      for (const [at, sessionId] of oddNames.entries()) {
        await store.delete({ ...main, sessionId });
        assert.deepEqual(await listed(store), oddNames.slice(at + 1).toSorted());
      }
    });

    test("Subpaths with odd names are listed as they are named, and deleted each alone.", async (store) => {
      await store.append(main, [keyed("a")]);
      for (const subpath of oddNames) await store.append({ ...main, subpath }, [keyed("a", subpath)]);
      assert.deepEqual((await store.listSubkeys(main)).toSorted(), oddNames.toSorted());
      for (const subpath of oddNames) await assertHolds(store, { ...main, subpath }, [keyed("a", subpath)]);
      for (const [at, subpath] of oddNames.entries()) {
        await store.delete({ ...main, subpath });
        assert.deepEqual((await store.listSubkeys(main)).toSorted(), oddNames.slice(at + 1).toSorted());
      }
      await assertHolds(store, main, [keyed("a")]);
    });

    test("Projects with odd names have each their own sessions, summaries and subpaths.", async (store) => {
      for (const projectKey of oddNames)
        for (const key of [main, agent]) await store.append({ ...key, projectKey }, [keyed("a", projectKey)]);
      for (const projectKey of oddNames) {
        assert.deepEqual(await listed(store, projectKey), [main.sessionId]);
        assert.equal((await store.listSessionSummaries(projectKey)).length, 1);
        assert.deepEqual(await store.listSubkeys({ ...main, projectKey }), [agent.subpath]);
      }
      for (const [at, projectKey] of oddNames.entries()) {
        await store.delete({ ...main, projectKey });
        for (const [other, kept] of oddNames.entries())
          assert.equal((await listed(store, kept)).length, other > at ? 1 : 0);
      }
    });
  });
}

const oddNames: readonly string[] = [
  ..."/ : \\ % _ * ? [ ] . .. ' \" ; -- # & + ~ null undefined 0 __proto__ constructor".split(" "),
  ..."a A é e\u0301 ß ss 😀 ../../a a/b a:b a%b a_b axb a/ /a a.jsonl agent- agent-1 agent-10".split(" "),
  "a b",
  "a ",
];
