import assert from "node:assert/strict";
import type { EntryInput } from "../../core/entry.ts";
import type { StoreTests } from "./harness.ts";
import { appendTo, bodiesOf, keyed, logKey, plain, refused, sessionKey, snapshot } from "./samples.ts";

/** All of a write happens, or none of it. */
export function atomicityTests({ describe, test }: StoreTests): void {
  describe("atomicity", () => {
    for (const [fault, entry] of Object.entries(badEntries)) {
      test(`A batch with an entry that ${fault} is refused whole.`, async (store) => {
        const batch = [...keyed(1, 2), entry, ...keyed(3, 3)];
        const error = await refused("invalid_entry", () => appendTo(store, "s-1", batch));
        assert.equal(error.data["index"], 2);
        assert.equal(await store.session(sessionKey()), null);
        await appendTo(store, "s-1", keyed(1, 1));
        const before = await snapshot(store);
        await refused("invalid_entry", () => appendTo(store, "s-1", batch));
        assert.deepEqual(await snapshot(store), before);
      });
    }

    test("A batch that was refused can be mended and sent again.", async (store) => {
      await refused("invalid_entry", () => appendTo(store, "s-1", [...keyed(1, 2), { body: "[]" }]));
      const result = await appendTo(store, "s-1", keyed(1, 3));
      assert.deepEqual([result.appended, result.duplicates], [3, 0]);
    });

    test("A fold that throws undoes its append, and its error comes out as it is.", async (store) => {
      const fault = new Error("the fold broke");
      const fold = (): never => {
        throw fault;
      };
      const append = store.append({ log: logKey(), entries: keyed(1, 2), fold });
      await assert.rejects(append, (error) => error === fault);
      assert.equal(await store.session(sessionKey()), null);
      await appendTo(store, "s-1", keyed(1, 1));
      const before = await snapshot(store);
      await store.describe({ session: sessionKey(), summary: { data: "{}", head: 1 } });
      const described = await snapshot(store);
      assert.notDeepEqual(described, before);
      await assert.rejects(
        store.append({ log: logKey(), entries: keyed(2, 3), fold }),
        (error) => error === fault,
      );
      assert.deepEqual(await snapshot(store), described);
    });

    test("An append that was given up before its call writes nothing.", async (store) => {
      const signal = AbortSignal.abort();
      await refused("aborted", () => store.append({ log: logKey(), entries: plain(1, 1), signal }));
      assert.equal(await store.session(sessionKey()), null);
    });

    test("An append that is given up at once is stored whole or not at all.", async (store) => {
      const controller = new AbortController();
      const append = store.append({ log: logKey(), entries: plain(1, 5), signal: controller.signal });
      controller.abort();
      const outcome = await append.then(
        () => 5,
        () => 0,
      );
      assert.equal((await bodiesOf(store, logKey())).length, outcome);
    });

    test("A write that is refused takes none of those with it that wait at the same moment.", async (store) => {
      const good = [1, 2, 3].map((n) => appendTo(store, "s-1", keyed(n, n)));
      const bad = [
        store.append({ log: logKey(), entries: plain(1, 1), expectHead: 77 }),
        store.describe({ session: sessionKey("nobody"), title: "x" }),
        store.append({
          log: logKey("s-2"),
          entries: plain(1, 1),
          fold: () => JSON.parse("no JSON") as never,
        }),
      ];
      const more = [4, 5].map((n) => appendTo(store, "s-1", keyed(n, n)));
      const outcomes = await Promise.allSettled([...good, ...bad, ...more]);
      const states = outcomes.map(({ status }) => status === "fulfilled");
      assert.deepEqual(states, [true, true, true, false, false, false, true, true]);
      assert.deepEqual(
        await bodiesOf(store, logKey()),
        keyed(1, 5).map(({ body }) => body),
      );
      assert.equal(await store.session(sessionKey("s-2")), null);
    });

    for (const company of ["alone", "among others"]) {
      test(`A session whose first append was refused ${company} shares nothing with the next one.`, async (store) => {
        const fold = (): never => {
          throw new Error("the fold broke");
        };
        const writes = [store.append({ log: logKey("s-1"), entries: keyed(1, 1), fold })];
        if (company === "among others") writes.push(appendTo(store, "s-2", keyed(2, 2)));
        assert.equal((await Promise.allSettled(writes))[0]!.status, "rejected");
        await appendTo(store, "s-3", keyed(3, 3));
        await appendTo(store, "s-1", keyed(1, 1));
        assert.deepEqual(await bodiesOf(store, logKey("s-3")), ['{"n":3}']);
        assert.deepEqual(await bodiesOf(store, logKey("s-1")), ['{"n":1}']);
      });
    }

    test("A describe with a summary of another head changes neither title nor labels.", async (store) => {
      await appendTo(store, "s-1", plain(1, 2));
      const before = await snapshot(store);
      const summary = { data: "{}", head: 1 };
      await refused("head_conflict", () =>
        store.describe({ session: sessionKey(), title: "new", labels: { a: "b" }, summary }),
      );
      assert.deepEqual(await snapshot(store), before);
    });
  });
}

const badEntries: Readonly<Record<string, EntryInput>> = {
  "is an array": { body: "[1]" },
  "is empty": { body: "" },
  "spans two lines": { body: '{"a":\n1}' },
  "holds a raw NUL": { body: '{"a":"\0"}' },
  "holds half of a surrogate pair": { body: '{"a":"\ud83d"}' },
  "has no text for a body": { body: 7 as unknown as string },
  "has an empty uuid": { body: "{}", uuid: "" },
  "has a uuid with a NUL": { body: "{}", uuid: "a\0b" },
  "has a uuid of 257 characters": { body: "{}", uuid: "u".repeat(257) },
  "has a broken time": { body: "{}", atMs: -1 },
};
