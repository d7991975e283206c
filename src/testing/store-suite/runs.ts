import assert from "node:assert/strict";
import type { Run, RunsParams } from "../../core/run.ts";
import type { Store } from "../../core/store.ts";
import type { StoreTests } from "./harness.ts";
import { refused, sessionKey } from "./samples.ts";
import { begin, commitOf, endOf } from "./work-samples.ts";

/** Looking runs up. */
export function runsTests({ describe, test }: StoreTests): void {
  describe("runs", () => {
    test("Of an empty store are one empty page, and an unknown one is null.", async (store) => {
      assert.deepEqual(await store.runs(), { runs: [] });
      assert.equal(await store.run({ run: "none" }), null);
    });

    test("Come newest first, by session and state.", async (store) => {
      const first = await begin(store, "s-1", "a");
      await commitOf(store, first);
      const second = await begin(store, "s-2", "b");
      const third = await begin(store, "s-1", "c");
      await endOf(store, second, "held");
      const found = async (params: RunsParams) => idsOf((await store.runs(params)).runs);
      const [a, b, c] = [first, second, third].map(({ run }) => run.id);
      assert.deepEqual(await found({}), [c, b, a]);
      assert.deepEqual(await found({ session: sessionKey() }), [c, a]);
      assert.deepEqual(await found({ state: "held" }), [b]);
      assert.deepEqual(await found({ state: "running", session: sessionKey("s-2") }), []);
      assert.deepEqual(await found({ session: { project: "p-2", session: "s-1" } }), []);
    });

    test("Come each once over many pages, with no cursor on the last.", async (store) => {
      const ids = [];
      for (let n = 0; n < 7; n += 1) ids.unshift((await begin(store, `s-${n}`)).run.id);
      assert.deepEqual(await pagesOf(store, { limit: 3 }), [ids.slice(0, 3), ids.slice(3, 6), ids.slice(6)]);
      const whole = await store.runs({ limit: 7 });
      assert.deepEqual([idsOf(whole.runs), "cursor" in whole], [ids, false]);
    });

    test("That are new do not shift the pages behind a cursor.", async (store) => {
      const ids = [];
      for (let n = 0; n < 4; n += 1) ids.unshift((await begin(store, `s-${n}`)).run.id);
      const first = await store.runs({ limit: 2 });
      await begin(store, "newer");
      const second = await store.runs({ limit: 2, cursor: first.cursor! });
      assert.deepEqual(idsOf(second.runs), ids.slice(2));
    });

    test("Without a limit are 50 at most; a wrong limit and a foreign cursor are refused.", async (store) => {
      for (let n = 0; n < 51; n += 1) await begin(store, `s-${n}`);
      const page = await store.runs();
      assert.deepEqual([page.runs.length, typeof page.cursor], [50, "string"]);
      for (const limit of [0, -1, 1.5, 1001]) await refused("invalid_limit", () => store.runs({ limit }));
      for (const cursor of ["", "nonsense", "%%%"])
        await refused("cursor_invalid", () => store.runs({ cursor }));
      const cursor = page.cursor!;
      await refused("cursor_invalid", () => store.runs({ cursor, state: "running" }));
      await refused("cursor_invalid", () => store.runs({ cursor, session: sessionKey() }));
    });
  });
}

function idsOf(runs: readonly Run[]): string[] {
  return runs.map(({ id }) => id);
}

async function pagesOf(store: Store, params: RunsParams): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | undefined;
  for (let count = 0; count < 100; count += 1) {
    const page = await store.runs(cursor === undefined ? params : { ...params, cursor });
    pages.push(idsOf(page.runs));
    if (page.cursor === undefined) return pages;
    cursor = page.cursor;
  }
  throw new Error("The pages have no end.");
}
