import assert from "node:assert/strict";
import type { EntryInput } from "../../core/entry.ts";
import type { FoldState } from "../../core/store.ts";
import type { StoreTests } from "./harness.ts";
import { appendTo, keyed, logKey, plain, refused, sessionKey } from "./samples.ts";
import { counting } from "./work-samples.ts";

/** The summary that is folded in the append's own transaction. */
export function foldTests({ describe, test }: StoreTests): void {
  describe("fold", () => {
    test("A summary grows with each append to the main log.", async (store) => {
      await store.append({ log: logKey(), entries: plain(1, 2), fold: counting });
      assert.equal((await store.session(sessionKey()))?.summary, '{"count":2}');
      await store.append({ log: logKey(), entries: plain(3, 5), fold: counting });
      const row = await store.session(sessionKey());
      assert.deepEqual([row?.summary, row?.title], ['{"count":5}', "5 entries"]);
    });

    test("A fold sees only what was really appended.", async (store) => {
      const seen: string[][] = [];
      const fold = (state: FoldState, appended: readonly EntryInput[]): FoldState => {
        seen.push(appended.map(({ body }) => body));
        return counting(state, appended);
      };
      await store.append({ log: logKey(), entries: keyed(1, 2), fold });
      await store.append({ log: logKey(), entries: [...keyed(1, 3), ...keyed(3, 3)], fold });
      await store.append({ log: logKey(), entries: keyed(1, 3), fold });
      await store.append({ log: logKey(), entries: [], fold });
      assert.deepEqual(seen.at(-1), ['{"n":3}']);
      assert.equal((await store.session(sessionKey()))?.summary, '{"count":3}');
    });

    test("Other logs never fold and never make a summary stale.", async (store) => {
      await store.append({ log: logKey("s-1", "subagents/a"), entries: plain(1, 2), fold: forbidden });
      await store.append({ log: logKey(), entries: plain(1, 1), fold: counting });
      await store.append({ log: logKey("s-1", "@run/1"), entries: plain(1, 2), fold: forbidden });
      assert.equal((await store.session(sessionKey()))?.summary, '{"count":1}');
    });

    test("An append without a fold makes the summary stale, and stale it stays.", async (store) => {
      await store.append({ log: logKey(), entries: plain(1, 2), fold: counting });
      assert.equal((await store.session(sessionKey()))?.summary, '{"count":2}');
      await appendTo(store, "s-1", plain(3, 3));
      assert.equal((await store.session(sessionKey()))?.summary, null);
      await store.append({ log: logKey(), entries: plain(4, 4), fold: counting });
      assert.equal((await store.session(sessionKey()))?.summary, null);
    });

    test("A summary made for the current head brings the fold back.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      await refused("head_conflict", () =>
        store.describe({ session: sessionKey(), summary: { data: '{"count":2}', head: 2 } }),
      );
      const row = await store.describe({ session: sessionKey(), summary: { data: '{"count":3}', head: 3 } });
      assert.equal(row.summary, '{"count":3}');
      await store.append({ log: logKey(), entries: plain(4, 4), fold: counting });
      assert.equal((await store.session(sessionKey()))?.summary, '{"count":4}');
    });

    test("The title that a user gave outlives every fold.", async (store) => {
      await store.append({ log: logKey(), entries: plain(1, 1), fold: counting });
      await store.describe({ session: sessionKey(), title: "Mine" });
      await store.append({ log: logKey(), entries: plain(2, 2), fold: counting });
      const row = await store.session(sessionKey());
      assert.deepEqual([row?.title, row?.summary], ["Mine", '{"count":2}']);
    });

    test("A dropped main log starts its summary anew.", async (store) => {
      await store.append({ log: logKey(), entries: plain(1, 3), fold: counting });
      await store.append({ log: logKey("s-1", "subagents/a"), entries: plain(1, 1) });
      await store.drop({ session: sessionKey(), log: "", actor: "test" });
      const row = await store.session(sessionKey());
      assert.deepEqual([row?.summary, row?.mainHead], [null, 0]);
      await store.append({ log: logKey(), entries: plain(1, 1), fold: counting });
      assert.equal((await store.session(sessionKey()))?.summary, '{"count":1}');
    });

    test("What a fold does to its arguments reaches no entry.", async (store) => {
      const fold = (state: FoldState, appended: readonly EntryInput[]): FoldState => {
        for (const entry of appended) Reflect.set(entry, "body", '{"spoiled":true}');
        return state;
      };
      const entries = plain(1, 1);
      await store.append({ log: logKey(), entries, fold });
      assert.equal((await store.read({ log: logKey() })).entries[0]?.body, '{"n":1}');
      assert.deepEqual(entries, plain(1, 1));
    });
  });
}

function forbidden(): never {
  throw new Error("This log must not be folded.");
}
