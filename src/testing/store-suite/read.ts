import assert from "node:assert/strict";
import type { Entry } from "../../core/entry.ts";
import type { ReadParams, Store } from "../../core/store.ts";
import type { StoreTests } from "./harness.ts";
import { appendTo, gather, keyed, logKey, plain, refused, sessionKey, textOf } from "./samples.ts";

/** Reading a log from either end. */
export function readTests({ describe, test }: StoreTests): void {
  describe("read", () => {
    test("Without bounds gives the whole log in order.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3000));
      const { entries, head, committed } = await store.read({ log: logKey() });
      assert.deepEqual([entries.length, head, committed], [3000, 3000, 3000]);
      assert.deepEqual(
        entries.map(({ seq }) => seq),
        Array.from({ length: 3000 }, (_, index) => index + 1),
      );
    });

    test("Gives each entry as it came, and a uuid only where there is one.", async (store) => {
      await appendTo(store, "s-1", [
        { body: '{"a":1}', uuid: "u-1", atMs: 1000 },
        { body: '{"b":2}', atMs: 2000 },
      ]);
      const { entries } = await store.read({ log: logKey() });
      assert.deepEqual(entries, [
        { seq: 1, atMs: 1000, uuid: "u-1", body: '{"a":1}' },
        { seq: 2, atMs: 2000, body: '{"b":2}' },
      ]);
    });

    test("After a seq gives only what is behind it.", async (store) => {
      await appendTo(store, "s-1", plain(1, 10));
      assert.deepEqual(await seqs(store, { after: 7 }), [8, 9, 10]);
      assert.deepEqual(await seqs(store, { after: 0, limit: 2 }), [1, 2]);
      assert.deepEqual(await seqs(store, { after: 4, limit: 3 }), [5, 6, 7]);
      assert.deepEqual(await seqs(store, { after: 10 }), []);
    });

    test("With a limit still tells the log's own head.", async (store) => {
      await appendTo(store, "s-1", plain(1, 10));
      const { entries, head, committed } = await store.read({ log: logKey(), limit: 4 });
      assert.deepEqual([entries.length, head, committed], [4, 10, 10]);
    });

    test("A limit that is no whole number from 1 up is refused.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
        await refused("invalid_limit", () => store.read({ log: logKey(), limit }));
    });

    test("Opens a log at its tail.", async (store) => {
      await appendTo(store, "s-1", plain(1, 10));
      assert.deepEqual(await seqs(store, { order: "desc", limit: 3 }), [10, 9, 8]);
      assert.deepEqual(await seqs(store, { order: "desc", after: 8, limit: 3 }), [7, 6, 5]);
      assert.deepEqual(await seqs(store, { order: "desc", after: 3 }), [2, 1]);
      assert.deepEqual(await seqs(store, { order: "desc", after: 1 }), []);
    });

    test("An unknown log is empty, with head 0.", async (store) => {
      const empty = { entries: [], head: 0, committed: 0 };
      assert.deepEqual(await store.read({ log: logKey() }), empty);
      assert.deepEqual(await store.read({ log: logKey(), after: 0 }), empty);
      await appendTo(store, "s-1", plain(1, 1));
      assert.deepEqual(await store.read({ log: logKey("s-1", "subagents/none") }), empty);
      const { id: _, ...rest } = await store.read({ log: logKey(), order: "desc", after: 1 });
      assert.deepEqual(rest, { ...empty, head: 1, committed: 1 });
    });

    test("Reading an unknown log makes no session.", async (store) => {
      await store.read({ log: logKey() });
      assert.equal(await store.session(sessionKey()), null);
    });

    test("A position in the future is refused, never clamped.", async (store) => {
      await refused("cursor_ahead", () => store.read({ log: logKey(), after: 1 }));
      await appendTo(store, "s-1", plain(1, 3));
      const error = await refused("cursor_ahead", () => store.read({ log: logKey(), after: 4 }));
      assert.deepEqual([error.data["after"], error.data["last"]], [4, 3]);
      for (const after of [-1, 1.5, Number.NaN]) {
        await refused("cursor_ahead", () => store.read({ log: logKey(), after }));
      }
    });

    test("A position that a drop left in the future is refused.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      await store.drop({ session: sessionKey(), log: "", actor: "test" });
      await refused("cursor_ahead", () => store.read({ log: logKey(), after: 3 }));
    });

    test("Gives any window of a log that came in appends of every size.", async (store) => {
      let head = 0;
      for (const size of [1, 63, 64, 65, 1, 2, 130, 200]) {
        await appendTo(store, "s-1", keyed(head + 1, head + size));
        head += size;
      }
      const all = Array.from({ length: head }, (_, index) => index + 1);
      for (let after = 0; after <= head; after += 7) {
        for (const limit of [1, 50, 64, 129]) {
          const { entries } = await store.read({ log: logKey(), after, limit });
          assert.deepEqual(entries.map(wordsOf), all.slice(after, after + limit).map(expectedWords));
          const before = all.slice(0, after).toReversed().slice(0, limit);
          assert.deepEqual(await seqs(store, { order: "desc", after: after + 1, limit }), before);
        }
        const text = textOf(await gather(store.scan({ log: logKey(), after })));
        assert.equal(
          text,
          all
            .slice(after)
            .map((n) => `{"n":${n}}\n`)
            .join(""),
        );
      }
    });

    test("Tells a log from the one that came before it, and refuses to go on in another.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      await appendTo(store, "s-2", plain(1, 3));
      const { id } = await store.read({ log: logKey(), limit: 1 });
      assert.ok(typeof id === "string" && id !== (await store.read({ log: logKey("s-2") })).id);
      assert.equal((await store.read({ log: logKey(), id, after: 3 })).id, id);
      assert.equal(textOf(await gather(store.scan({ log: logKey(), id, after: 2 }))), '{"n":3}\n');
      const begunAnew = async (): Promise<void> => {
        await refused("session_dropped", () => store.read({ log: logKey(), id }));
        await refused("session_dropped", () => gather(store.scan({ log: logKey(), id })));
      };
      await store.drop({ session: sessionKey(), log: "", actor: "test" });
      await begunAnew();
      await appendTo(store, "s-1", plain(1, 5));
      await begunAnew();
    });

    test("Gives no entry of another log, session or project.", async (store) => {
      const keys = [logKey(), logKey("s-1", "x"), logKey("s-2"), { ...logKey(), project: "p-2" }];
      for (const [n, log] of keys.entries()) await store.append({ log, entries: keyed(n, n) });
      for (const [n, log] of keys.entries()) {
        const { entries } = await store.read({ log });
        assert.deepEqual(
          entries.map(({ body }) => body),
          [`{"n":${n}}`],
        );
      }
    });
  });
}

function wordsOf({ seq, uuid, body }: Entry): string {
  return `${seq} ${uuid} ${body}`;
}

function expectedWords(n: number): string {
  return `${n} u-${n} {"n":${n}}`;
}

async function seqs(store: Store, params: Omit<ReadParams, "log">): Promise<number[]> {
  const { entries } = await store.read({ log: logKey(), ...params });
  return entries.map(({ seq }) => seq);
}
