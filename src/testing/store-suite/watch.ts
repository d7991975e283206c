import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Store } from "../../core/store.ts";
import type { StoreTests } from "./harness.ts";
import { appendTo, gather, plain, refused } from "./samples.ts";

/** Being woken by the change feed. */
export function watchTests({ describe, test }: StoreTests): void {
  describe("watch", () => {
    test("Yields at once where the feed has passed the position already.", async (store) => {
      for (const name of ["s-1", "s-2"]) await appendTo(store, name, plain(1, 1));
      assert.deepEqual(await firstOf(store, 0), { position: 2 });
      assert.deepEqual(await firstOf(store, 1), { position: 2 });
    });

    test("Waits for the next commit, then yields its position.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      let done = false;
      const first = firstOf(store, 1).finally(() => {
        done = true;
      });
      await delay(30);
      assert.equal(done, false);
      await appendTo(store, "s-1", plain(2, 2));
      assert.deepEqual(await first, { position: 2 });
    });

    test("Yields positions that only grow, and misses no commit.", async (store) => {
      const controller = new AbortController();
      const positions: number[] = [];
      const watching = (async () => {
        for await (const { position } of store.watch({ after: 0 }, controller.signal)) {
          positions.push(position);
          if (position === 20) controller.abort();
        }
      })();
      for (let n = 0; n < 20; n += 1) {
        await appendTo(store, "s-1", plain(n, n));
        if (n % 5 === 0) await delay(2);
      }
      await watching;
      assert.equal(positions.at(-1), 20);
      assert.deepEqual(
        positions,
        [...new Set(positions)].sort((a, b) => a - b),
      );
    });

    test("Wakes every watcher.", async (store) => {
      const watchers = Array.from({ length: 5 }, () => firstOf(store, 0));
      await delay(5);
      await appendTo(store, "s-1", plain(1, 1));
      assert.deepEqual(
        await Promise.all(watchers),
        watchers.map(() => ({ position: 1 })),
      );
    });

    test("Ends in silence when its signal aborts.", async (store) => {
      const controller = new AbortController();
      const watching = gather(store.watch({ after: 0 }, controller.signal));
      await delay(5);
      controller.abort();
      assert.deepEqual(await watching, []);
    });

    test("Yields nothing under a signal that has aborted already.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      assert.deepEqual(await gather(store.watch({ after: 0 }, AbortSignal.abort())), []);
    });

    test("Refuses a position in the future.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const controller = new AbortController();
      await refused("cursor_ahead", async () => gather(store.watch({ after: 2 }, controller.signal)));
    });

    test("Tells a waiting watcher that the store was closed.", async (store) => {
      const watching = refused("store_closed", () => firstOf(store, 0));
      await delay(5);
      await store.close();
      await watching;
    });
  });
}

async function firstOf(store: Store, after: number): Promise<{ readonly position: number } | undefined> {
  const controller = new AbortController();
  try {
    for await (const value of store.watch({ after }, controller.signal)) return value;
    return undefined;
  } finally {
    controller.abort();
  }
}
