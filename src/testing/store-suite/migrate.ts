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
      await appendTo(store, "s-3", plain(1, 1));
      await store.putBlob({ session: sessionKey(), bytes: Uint8Array.of(1) });
      for (const deep of [false, true]) {
        const health = await store.health({ deep });
        const { sessions, logs, entries, blobs, position, problems, url } = health;
        assert.deepEqual(
          { sessions, logs, entries, blobs, position },
          { sessions: 2, logs: 3, entries: 6, blobs: 1, position: 3 },
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
  (store) => store.acquireLease({ session, owner: "w-1", leaseMs: 1000 }),
  (store) => store.renewLease({ session, epoch: 1, leaseMs: 1000 }),
  (store) => store.releaseLease({ session, epoch: 1 }),
  (store) => store.clearLease({ session, actor: "test" }),
  (store) => store.lease(session),
  (store) => store.admit({ session, key: "k", body: "{}" }),
  (store) => store.claim({ worker: "w-1", leaseMs: 1000 }),
  (store) => store.cancel({ session, input: "1", actor: "test" }),
  (store) => store.inputs({}),
  (store) => store.run({ run: "1.1" }),
  (store) => store.runs(),
  (store) => store.tail({ run: "1.1" }),
  (store) => store.commit({ session, run: "1.1", epoch: 1, parts: [], outcome: "{}" }),
  (store) =>
    store.endRun({ session, run: "1.1", epoch: 1, as: "held", parts: [], reason: "r", actor: "test" }),
  (store) => store.audit(),
  (store) => store.recordUsage({ session, rows: [] }),
  (store) => store.usage({ by: "day" }),
  (store) => store.projections(),
  (store) => store.advance({ projection: "p", from: 0, to: 1 }),
  (store) => store.setProjection({ projection: "p", paused: true }),
  (store) => store.projected({ projection: "p", session }),
  (store) => store.putBlob({ session, bytes: Uint8Array.of(1) }),
  (store) => store.getBlob({ blob: "x" }),
  (store) => store.changes({ after: 0 }),
  (store) => gather(store.watch({ after: 0 }, new AbortController().signal)),
  (store) => store.sweep({ minAgeMs: 0 }),
  (store) => store.migrate(),
  (store) => store.health(),
];
