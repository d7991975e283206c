import assert from "node:assert/strict";
import { isHoldfastError } from "../../core/errors.ts";
import type { StoreTests } from "./harness.ts";
import { allChanges, appendTo, bodiesOf, keyed, logKey, plain, sessionKey } from "./samples.ts";

/** What holds when many write at the same moment in one process. */
export function concurrencyTests({ describe, test }: StoreTests): void {
  describe("concurrency", () => {
    test("Appenders at the same moment get ranges that touch and never overlap.", async (store) => {
      const results = await Promise.all(
        Array.from({ length: 40 }, (_, writer) =>
          appendTo(
            store,
            "s-1",
            Array.from({ length: 5 }, (_unused, n) => ({ body: `{"w":${writer},"n":${n}}` })),
          ),
        ),
      );
      const ranges = results.map(({ from, to }) => [from, to]).sort(([a], [b]) => a! - b!);
      assert.deepEqual(
        ranges,
        Array.from({ length: 40 }, (_, index) => [index * 5 + 1, index * 5 + 5]),
      );
      const bodies = await bodiesOf(store, logKey());
      results.forEach(({ from, to }, writer) => {
        const own = bodies.slice(from - 1, to);
        assert.deepEqual(
          own,
          Array.from({ length: 5 }, (_, n) => `{"w":${writer},"n":${n}}`),
        );
      });
    });

    test("One appender's calls are stored in the order in which it made them.", async (store) => {
      await Promise.all(plain(1, 50).map((entry) => appendTo(store, "s-1", [entry])));
      assert.deepEqual(
        await bodiesOf(store, logKey()),
        plain(1, 50).map(({ body }) => body),
      );
    });

    test("Retries of one batch that overlap in time store it once.", async (store) => {
      const results = await Promise.all(
        Array.from({ length: 10 }, () => appendTo(store, "s-1", keyed(1, 20))),
      );
      assert.equal(
        results.reduce((total, { appended }) => total + appended, 0),
        20,
      );
      assert.equal(
        results.reduce((total, { duplicates }) => total + duplicates, 0),
        180,
      );
      assert.deepEqual(
        await bodiesOf(store, logKey()),
        keyed(1, 20).map(({ body }) => body),
      );
    });

    test("Of many that expect the same head exactly one wins.", async (store) => {
      const results = await Promise.allSettled(
        Array.from({ length: 10 }, (_, n) =>
          store.append({ log: logKey(), entries: plain(n, n), expectHead: 0 }),
        ),
      );
      assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
      for (const result of results) {
        if (result.status === "rejected")
          assert.equal(isHoldfastError(result.reason) && result.reason.code, "head_conflict");
      }
      assert.equal((await store.read({ log: logKey() })).head, 1);
    });

    test("A reader beside a writer sees whole batches only.", async (store) => {
      const heads: number[] = [];
      const writing = Promise.all(
        Array.from({ length: 20 }, (_, n) => appendTo(store, "s-1", plain(n * 7 + 1, n * 7 + 7))),
      );
      for (let turn = 0; turn < 30; turn += 1) {
        const { head, entries } = await store.read({ log: logKey() });
        assert.equal(entries.length, head);
        heads.push(head);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await writing;
      assert.deepEqual(
        heads.filter((head) => head % 7 !== 0),
        [],
      );
      assert.equal((await store.read({ log: logKey() })).head, 140);
    });

    test("A drop that races appends leaves nothing of the session, whoever came first.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 3));
      const early = [4, 5].map((n) => appendTo(store, "s-1", keyed(n, n)));
      const drop = store.drop({ session: sessionKey(), actor: "test" });
      const late = [6, 7].map((n) => appendTo(store, "s-1", keyed(n, n)));
      const outcomes = await Promise.allSettled([...early, ...late]);
      assert.equal((await drop).dropped, true);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected")
          assert.equal(isHoldfastError(outcome.reason) && outcome.reason.code, "session_dropped");
      }
      assert.equal(await store.session(sessionKey()), null);
      assert.deepEqual(await store.logs(sessionKey()), []);
      assert.equal((await store.read({ log: logKey() })).head, 0);
      assert.equal((await allChanges(store)).at(-1)?.kind, "dropped");
    });

    test("Writers to many sessions at once leave a feed without a gap.", async (store) => {
      const names = Array.from({ length: 30 }, (_, n) => `s-${n}`);
      await Promise.all(names.map((name) => appendTo(store, name, plain(1, 2))));
      const changes = await allChanges(store);
      assert.deepEqual(
        changes.map(({ seq }) => seq),
        names.map((_, index) => index + 1),
      );
      assert.deepEqual(changes.map(({ session }) => session).sort(), [...names].sort());
    });
  });
}
