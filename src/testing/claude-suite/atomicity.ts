import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { ClaudeTests, SuiteEntry } from "./contract.ts";
import { assertHolds, keyed, keyless, listed, main, many, other, summaryOf } from "./samples.ts";

/** A batch is stored and seen as one. */
export function atomicityTests({ describe, test }: ClaudeTests): void {
  describe("atomicity", () => {
    test("A batch with an entry that cannot be written is refused whole, and its retry is stored whole.", async (store) => {
      let broken = true;
      const odd = {
        type: "user",
        uuid: "odd",
        get text(): string {
          if (broken) throw new Error("This entry has no JSON yet.");
          return "whole";
        },
      };
      const batch = [keyed("b"), keyless("plan"), odd, keyed("c")];
      await store.append(main, [keyed("a")]);
      for (const key of [main, other]) await assert.rejects(async () => store.append(key, batch));
      await assertHolds(store, main, [keyed("a")]);
      assert.equal((await summaryOf(store))?.["count"], 1);
      assert.equal(await store.load(other), null);
      assert.deepEqual(await listed(store), [main.sessionId]);
      broken = false;
      await store.append(main, batch);
      const whole = { type: "user", uuid: "odd", text: "whole" };
      await assertHolds(store, main, [keyed("a"), keyed("b"), keyless("plan"), whole, keyed("c")]);
    });

    test("A load beside appends sees each batch whole or not at all.", async (store) => {
      let settled = false;
      const appends = Array.from({ length: 30 }, (_, at) => store.append(main, many(`batch-${at}`, 5)));
      const all = Promise.all(appends).finally(() => {
        settled = true;
      });
      const partial = new Set<string>();
      while (!settled) {
        for (const [batch, count] of countsOf(await store.load(main))) if (count !== 5) partial.add(batch);
        await nextTurn();
      }
      await all;
      assert.deepEqual([...partial], []);
    });
  });
}

function countsOf(loaded: readonly SuiteEntry[] | null): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { uuid } of loaded ?? []) {
    const batch = uuid!.replace(/-\d+$/, "");
    counts.set(batch, (counts.get(batch) ?? 0) + 1);
  }
  return counts;
}
