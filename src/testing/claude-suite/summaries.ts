import assert from "node:assert/strict";
import type { ClaudeTests } from "./contract.ts";
import { agent, appendLater, elsewhere, keyed, main, many, other, summaryOf } from "./samples.ts";

/** What is folded of a session, and when. */
export function summaryTests({ describe, test }: ClaudeTests): void {
  describe("listSessionSummaries", () => {
    test("Gives a project's summaries and no other's; an unknown project has none.", async (store) => {
      for (const key of [main, other, elsewhere]) await store.append(key, [keyed("a")]);
      const ids = (await store.listSessionSummaries(main.projectKey)).map(({ sessionId }) => sessionId);
      assert.deepEqual(ids.toSorted(), [main.sessionId, other.sessionId].toSorted());
      assert.deepEqual(await store.listSessionSummaries("-home-nobody"), []);
    });

    test("Folds every append on what was folded before.", async (store) => {
      await store.append(main, many("a", 3));
      await store.append(main, many("b", 2));
      assert.deepEqual(await summaryOf(store), { count: 5, first: "a-0", last: "b-1" });
    });

    test("Folds what was stored, not what was sent again.", async (store) => {
      await store.append(main, many("a", 3));
      await store.append(main, [...many("a", 3), keyed("b")]);
      assert.deepEqual(await summaryOf(store), { count: 4, first: "a-0", last: "b" });
    });

    test("An append to a subpath leaves the summary as it is, and makes none.", async (store) => {
      await store.append(agent, many("sub", 3));
      assert.equal(await summaryOf(store), undefined);
      await store.append(main, many("a", 2));
      await store.append(agent, [keyed("more")]);
      assert.deepEqual(await summaryOf(store), { count: 2, first: "a-0", last: "a-1" });
    });

    test("Appends at the same moment lose no fold.", async (store) => {
      await Promise.all(Array.from({ length: 20 }, (_, at) => store.append(main, many(`b${at}`, 3))));
      assert.equal((await summaryOf(store))!["count"], 60);
    });

    test("A summary's time is whole milliseconds, and not before that of its session.", async (store) => {
      for (let at = 0; at < 3; at += 1) {
        await appendLater(store, main, keyed(`a-${at}`));
        const [row] = await store.listSessions(main.projectKey);
        const [summary] = await store.listSessionSummaries(main.projectKey);
        assert.ok(Number.isInteger(summary!.mtime));
        assert.ok(summary!.mtime >= row!.mtime, "The SDK would load the session instead.");
        assert.ok(summary!.mtime > 1e12);
      }
    });

    test("It is not before its session's either after a subpath, or what was stored before, is appended.", async (store) => {
      await store.append(main, many("a", 2));
      for (const [key, entry] of [[agent, keyed("b")] as const, [main, keyed("a-0")] as const]) {
        await appendLater(store, key, entry);
        const [row] = await store.listSessions(main.projectKey);
        const [summary] = await store.listSessionSummaries(main.projectKey);
        assert.ok(summary!.mtime >= row!.mtime, "The SDK would load the session instead.");
        assert.equal(summary!.data["count"], 2);
      }
    });

    test("Keeps what was folded as JSON gives it, and hands it to the next fold.", async (store) => {
      const note = { text: "a\0b\ud800", list: [null, 0.1, { deep: [[]] }], flag: false };
      await store.append(main, [{ ...keyed("a"), note }]);
      await store.append(main, [keyed("b")]);
      assert.deepEqual(await summaryOf(store), { count: 2, first: "a", last: "b", note });
    });

    test("Changing a summary that was listed changes nothing that is stored.", async (store) => {
      await store.append(main, [{ ...keyed("a"), note: { text: "before" } }]);
      const data = (await summaryOf(store)) as { count: number; note: { text: string } };
      data.note.text = "after";
      data.count = 100;
      await store.append(main, [keyed("b")]);
      assert.deepEqual(await summaryOf(store), { count: 2, first: "a", last: "b", note: { text: "before" } });
    });

    test("Deleting the session removes it, and the next append folds from the start.", async (store) => {
      await store.append(main, many("a", 3));
      await store.delete(main);
      assert.equal(await summaryOf(store), undefined);
      await store.append(main, [keyed("b")]);
      assert.deepEqual(await summaryOf(store), { count: 1, first: "b", last: "b" });
    });
  });
}
