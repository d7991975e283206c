import assert from "node:assert/strict";
import type { Store } from "../../core/store.ts";
import type { StoreTests } from "./harness.ts";
import { appendTo, gather, logKey, plain, refused, sessionKey, snapshot } from "./samples.ts";

/** Upkeep: migrate, health and close. */
export function migrateTests({ describe, test }: StoreTests): void {
  describe("migrate", () => {
    test("Brings a store to its latest schema, and the second time does nothing.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      const before = await snapshot(store);
      const first = await store.migrate();
      const { schema, latestSchema } = await store.health();
      assert.deepEqual([first.to, schema], [latestSchema, latestSchema]);
      assert.deepEqual(await store.migrate(), { from: latestSchema, to: latestSchema });
      assert.deepEqual(await snapshot(store), before);
    });

    test("Health counts what the store holds, and finds no fault.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      await store.append({ log: logKey("s-2", "@run/1"), entries: plain(1, 2) });
      await store.putBlob({ session: sessionKey(), bytes: Uint8Array.of(1) });
      for (const deep of [false, true]) {
        const health = await store.health({ deep });
        const { sessions, logs, entries, blobs, position, problems, url } = health;
        assert.deepEqual(
          { sessions, logs, entries, blobs, position },
          { sessions: 2, logs: 2, entries: 5, blobs: 1, position: 2 },
        );
        assert.deepEqual([problems, url], [[], store.url]);
      }
    });

    test("A store that was closed refuses every verb, and may be closed again.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await store.close();
      for (const call of calls) await refused("store_closed", async () => call(store));
      await store.close();
    });
  });
}

const session = sessionKey();
const calls: readonly ((store: Store) => Promise<unknown>)[] = [
  (store) => store.append({ log: logKey(), entries: plain(1, 1) }),
  (store) => store.read({ log: logKey() }),
  (store) => gather(store.scan({ log: logKey() })),
  (store) => store.logs(session),
  (store) => store.session(session),
  (store) => store.sessions(),
  (store) => store.describe({ session, title: "T" }),
  (store) => store.drop({ session, actor: "test" }),
  (store) => store.tombstone(session),
  (store) => store.putBlob({ session, bytes: Uint8Array.of(1) }),
  (store) => store.getBlob({ blob: "x" }),
  (store) => store.changes({ after: 0 }),
  (store) => gather(store.watch({ after: 0 }, new AbortController().signal)),
  (store) => store.migrate(),
  (store) => store.health(),
];
