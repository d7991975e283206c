import assert from "node:assert/strict";
import type { ClaudeTests, SuiteEntry } from "./contract.ts";
import { agent, assertHolds, elsewhere, isSame, keyed, main, other } from "./samples.ts";

/** What comes back, and from which key. */
export function loadTests({ describe, test }: ClaudeTests): void {
  describe("load", () => {
    test("A key that was never written gives null, main and subpath, also beside one that was.", async (store) => {
      assert.equal(await store.load(main), null);
      assert.equal(await store.load(agent), null);
      await store.append(main, [keyed("a")]);
      for (const key of [agent, other, elsewhere]) assert.equal(await store.load(key), null);
    });

    test("A subpath is a log of its own.", async (store) => {
      await store.append(main, [keyed("a")]);
      await store.append(agent, [keyed("b")]);
      await assertHolds(store, main, [keyed("a")]);
      await assertHolds(store, agent, [keyed("b")]);
    });

    test("A project keeps its sessions from those of the same id in another.", async (store) => {
      await store.append(main, [keyed("a")]);
      await store.append(elsewhere, [keyed("b")]);
      await assertHolds(store, main, [keyed("a")]);
      await assertHolds(store, elsewhere, [keyed("b")]);
    });

    test("Changing what was loaded changes nothing that is stored.", async (store) => {
      await store.append(main, [keyed("a")]);
      const loaded = (await store.load(main)) as (SuiteEntry & { message: { content: string } })[];
      loaded[0]!.message.content = "changed";
      loaded.push(loaded[0]!);
      await assertHolds(store, main, [keyed("a")]);
    });

    test("Shows what was appended or deleted since the load before.", async (store) => {
      for (const key of [main, agent]) await store.append(key, [keyed("a")]);
      for (const key of [main, agent]) await assertHolds(store, key, [keyed("a")]);
      await store.load(main);
      await store.append(agent, [keyed("b")]);
      await assertHolds(store, agent, [keyed("a"), keyed("b")]);
      await store.load(main);
      await store.delete(agent);
      assert.equal(await store.load(agent), null);
      await store.append(main, [keyed("c")]);
      await assertHolds(store, main, [keyed("a"), keyed("c")]);
    });

    for (const [what, entry] of Object.entries(oddEntries)) {
      test(`An entry with ${what} comes back as JSON gives it.`, async (store) => {
        await store.append(main, [entry]);
        assert.ok(isSame(await store.load(main), [entry]), "It came back changed.");
      });
    }

    for (const [one, another] of nearKeys) {
      test(`The keys ${JSON.stringify(one)} and ${JSON.stringify(another)} are two.`, async (store) => {
        await store.append({ ...main, ...one }, [keyed("a", "one")]);
        assert.equal(await store.load({ ...main, ...another }), null);
        await store.append({ ...main, ...another }, [keyed("a", "another")]);
        await assertHolds(store, { ...main, ...one }, [keyed("a", "one")]);
        await assertHolds(store, { ...main, ...another }, [keyed("a", "another")]);
      });
    }
  });
}

const oddEntries: Readonly<Record<string, SuiteEntry>> = {
  "a NUL": { type: "user", uuid: "a", text: "a\0b" },
  "half of a character": { type: "user", uuid: "a", text: "\ud800 and \udc00" },
  "line separators": { type: "user", uuid: "a", text: "a\u2028b\u2029c\u0085d\r\ne" },
  "astral characters": { type: "user", uuid: "a", text: "𝔘𝔫𝔦 👩‍👩‍👧" },
  "a very long name of a field": { type: "user", uuid: "a", ["k".repeat(10_000)]: 1 },
  "a field called __proto__": JSON.parse('{"type":"user","uuid":"a","__proto__":{"x":1}}') as SuiteEntry,
  "numbers at the edge": {
    type: "user",
    uuid: "a",
    n: [2 ** 53 + 2, 1e21, -0.1, 0.1 + 0.2, 5e-324, 1.7e308],
  },
  "integers that JavaScript rounds": JSON.parse(
    '{"type":"user","uuid":"a","n":9007199254740993}',
  ) as SuiteEntry,
  "deep nesting": { type: "user", uuid: "a", deep: JSON.parse("[".repeat(200) + "]".repeat(200)) as unknown },
  "3 MB of text": { type: "assistant", uuid: "a", text: "long ".repeat(600_000) },
  "an empty object, an empty array and null": { type: "user", uuid: "a", empty: [{}, [], null, ""] },
};

type NearKey = { readonly projectKey?: string; readonly sessionId?: string; readonly subpath?: string };

const nearKeys: readonly (readonly [NearKey, NearKey])[] = [
  [
    { projectKey: "a/b", sessionId: "c" },
    { projectKey: "a", sessionId: "b", subpath: "c" },
  ],
  [
    { projectKey: "a", sessionId: "b/c" },
    { projectKey: "a", sessionId: "b", subpath: "c" },
  ],
  [
    { projectKey: "a:b", sessionId: "c" },
    { projectKey: "a", sessionId: "b:c" },
  ],
  [{ subpath: "a" }, { subpath: "a/b" }],
  [{ subpath: "a%" }, { subpath: "ab" }],
  [{ sessionId: "a_c" }, { sessionId: "abc" }],
  [{ sessionId: "a*" }, { sessionId: "a?" }],
  [
    { projectKey: "..", sessionId: "a" },
    { projectKey: ".", sessionId: "a" },
  ],
  [{ projectKey: "A" }, { projectKey: "a" }],
  [{ sessionId: "é" }, { sessionId: "e\u0301" }],
  [{ subpath: String.raw`a\b` }, { subpath: "a/b" }],
  [{ sessionId: "s[1]" }, { sessionId: "s1" }],
  [{ projectKey: "p".repeat(1000) }, { projectKey: "p".repeat(999) }],
];
