import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { appendTo, keyed, logKey, plain, refused } from "./samples.ts";
import {
  begin,
  commitOf,
  endOf,
  hashOf,
  leaseMs,
  partsOf,
  stage,
  startMs,
  workSnapshot,
} from "./work-samples.ts";

/** What an open run has staged, to the byte. */
export function tailTests({ describe, test }: StoreTests): void {
  describe("tail", () => {
    test("Of a run that has staged nothing is empty.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      const { run } = await begin(store);
      assert.deepEqual(await store.tail({ run: run.id }), { run, parts: [] });
    });

    test("Names each log with its range, and the hash of the bodies.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      const claim = await begin(store);
      await stage(store, claim, keyed(4, 5));
      await stage(store, claim, plain(1, 1), "subagents/a");
      await stage(store, claim, keyed(6, 6));
      assert.deepEqual(await store.tail({ run: claim.run.id }), {
        run: claim.run,
        parts: [
          { log: "", from: 4, to: 6, sha256: hashOf(plain(4, 6)) },
          { log: "subagents/a", from: 1, to: 1, sha256: hashOf(plain(1, 1)) },
        ],
      });
    });

    test("Names logs in the order of their UTF-16 code units.", async (store) => {
      const claim = await begin(store);
      const logs = ["\uff5e", "a", "😀", "B", "@run/1", "é", "", "a/b", "aa"];
      for (const log of logs) await stage(store, claim, plain(1, 1), log);
      const parts = await partsOf(store, claim);
      assert.deepEqual(
        parts.map(({ log }) => log),
        ["", "@run/1", "B", "a", "a/b", "aa", "é", "😀", "\uff5e"],
      );
    });

    test("Hashes the bodies byte for byte, whatever the appends that brought them.", async (store) => {
      const claim = await begin(store);
      const odd = ['{"t":"é😀\u2028"}', '{"t":"\\u0000\\ud800"}', '{ "b" :1,"a":2}', "{}"];
      const entries = odd.map((body) => ({ body }));
      await stage(store, claim, entries);
      for (let n = 0; n < 30; n += 1) await stage(store, claim, plain(n * 50, n * 50 + 49));
      const all = [...entries, ...plain(0, 1499)];
      const [part] = await partsOf(store, claim);
      assert.deepEqual(part, { log: "", from: 1, to: 1504, sha256: hashOf(all) });
    });

    test("Leaves out what was committed beside the run.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, plain(1, 1));
      await store.append({ log: logKey("s-1", "subagents/a"), entries: plain(1, 2) });
      const parts = await partsOf(store, claim);
      assert.deepEqual(
        parts.map(({ log }) => log),
        [""],
      );
    });

    test("Is told of a run that is held, or whose lease has run out, and changes nothing.", async (store, clock) => {
      clock.stopAt(startMs);
      const lapsed = await begin(store, "s-1");
      const held = await begin(store, "s-2");
      for (const claim of [lapsed, held]) await stage(store, claim, plain(1, 2));
      const parts = await partsOf(store, held);
      await endOf(store, held, "held");
      clock.advance(10 * leaseMs);
      const before = [await workSnapshot(store), await workSnapshot(store, "s-2")];
      for (const claim of [lapsed, held]) assert.deepEqual(await partsOf(store, claim), parts);
      assert.equal((await store.tail({ run: held.run.id })).run.state, "held");
      assert.deepEqual([await workSnapshot(store), await workSnapshot(store, "s-2")], before);
    });

    test("Of an unknown run, or of one that has ended, is refused.", async (store) => {
      await refused("run_unknown", () => store.tail({ run: "none" }));
      const committed = await begin(store);
      await commitOf(store, committed);
      await refused("run_closed", () => store.tail({ run: committed.run.id }));
      for (const as of ["interrupted", "discarded"] as const) {
        const claim = await begin(store, as);
        await endOf(store, claim, as);
        await refused("run_closed", () => store.tail({ run: claim.run.id }));
      }
    });
  });
}
