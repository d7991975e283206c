import assert from "node:assert/strict";
import type { Store } from "../../core/store.ts";
import type { SweepParams } from "../../core/sweep.ts";
import type { StoreTests } from "./harness.ts";
import { appendTo, plain, refused, sessionKey } from "./samples.ts";
import { admitTo, begin, commitOf, stage, startMs } from "./work-samples.ts";

const dayMs = 86_400_000;

/** What nothing refers to any more goes, and nothing else. */
export function sweepTests({ describe, test }: StoreTests): void {
  describe("sweep", () => {
    test("Of a store without orphans removes nothing.", async (store, clock) => {
      clock.stopAt(startMs);
      assert.deepEqual(await store.sweep({ minAgeMs: 0 }), { removed: [] });
      await appendTo(store, "s-1", plain(1, 1));
      const blob = await put(store, "s-1", 1);
      await store.advance({ projection: "a", from: 0, to: 1, documents: [documentOf("s-1")] });
      clock.advance(2 * dayMs);
      assert.deepEqual(await store.sweep({ minAgeMs: 0, projections: ["a"] }), { removed: [] });
      assert.notEqual(await store.getBlob({ blob }), null);
      assert.equal(await store.projected({ projection: "a", session: sessionKey("s-1") }), "{}");
    });

    test("Removes a blob whose session was never begun, once it is old enough.", async (store, clock) => {
      clock.stopAt(startMs);
      const [old, young] = [await put(store, "s-1", 1), await put(store, "s-1", 2)];
      clock.advance(dayMs - 1);
      await put(store, "s-1", 2);
      assert.deepEqual(await store.sweep({ minAgeMs: dayMs }), { removed: [] });
      clock.advance(1);
      const removed = [
        { kind: "blob_hold", count: 1 },
        { kind: "blob", count: 1 },
      ];
      assert.deepEqual(await store.sweep({ minAgeMs: dayMs }), { removed });
      assert.equal(await store.getBlob({ blob: old }), null);
      assert.notEqual(await store.getBlob({ blob: young }), null);
      assert.deepEqual(await store.sweep({ minAgeMs: dayMs }), { removed: [] });
    });

    test("Leaves a blob that another session holds, and that of an input or a run.", async (store, clock) => {
      clock.stopAt(startMs);
      const shared = await put(store, "s-1", 1);
      await put(store, "s-2", 1);
      await appendTo(store, "s-2", plain(1, 1));
      const asked = await put(store, "s-3", 2);
      await admitTo(store, "s-3", "k-1");
      const running = await put(store, "s-4", 3);
      await stage(store, await begin(store, "s-4"), plain(1, 1));
      const freed = await put(store, "s-5", 4);
      clock.advance(2 * dayMs);
      const removed = [
        { kind: "blob_hold", count: 2 },
        { kind: "blob", count: 1 },
      ];
      assert.deepEqual(await store.sweep({ minAgeMs: dayMs }), { removed });
      for (const blob of [shared, asked, running]) assert.notEqual(await store.getBlob({ blob }), null);
      assert.equal(await store.getBlob({ blob: freed }), null);
      assert.equal((await store.drop({ session: sessionKey("s-2"), actor: "test" })).blobs, 1);
    });

    test("Leaves what runs have staged, and they commit afterwards.", async (store, clock) => {
      clock.stopAt(startMs);
      const claim = await begin(store);
      await stage(store, claim, plain(1, 2));
      assert.deepEqual(await store.sweep({ minAgeMs: 0 }), { removed: [] });
      assert.equal((await commitOf(store, claim)).receipt.entries, 2);
    });

    test("Removes the projections that are not named, with their documents; without names none.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      for (const projection of ["a", "A", "b"])
        await store.advance({ projection, from: 0, to: 1, documents: [documentOf("s-1")] });
      assert.deepEqual(await store.sweep({ minAgeMs: 0 }), { removed: [] });
      const removed = [
        { kind: "projection", count: 2 },
        { kind: "document", count: 2 },
      ];
      assert.deepEqual(await store.sweep({ minAgeMs: 0, projections: ["a", "c"] }), { removed });
      assert.deepEqual(
        (await store.projections()).map(({ name }) => name),
        ["a"],
      );
      const session = sessionKey("s-1");
      assert.equal(await store.projected({ projection: "a", session }), "{}");
      assert.equal(await store.projected({ projection: "b", session }), null);
      await store.advance({ projection: "b", from: 0, to: 1 });
      assert.equal(await store.projected({ projection: "b", session }), null);
    });

    test("That is dry tells the same and removes nothing.", async (store, clock) => {
      clock.stopAt(startMs);
      await appendTo(store, "s-1", plain(1, 1));
      const blob = await put(store, "s-9", 1);
      await store.advance({ projection: "a", from: 0, to: 1, documents: [documentOf("s-1")] });
      const params: SweepParams = { minAgeMs: 0, projections: [] };
      const told = await store.sweep({ ...params, dryRun: true });
      assert.deepEqual(
        told.removed.map(({ kind, count }) => [kind, count]),
        [
          ["blob_hold", 1],
          ["blob", 1],
          ["projection", 1],
          ["document", 1],
        ],
      );
      assert.notEqual(await store.getBlob({ blob }), null);
      assert.equal((await store.projections()).length, 1);
      assert.equal(await store.projected({ projection: "a", session: sessionKey("s-1") }), "{}");
      assert.deepEqual(await store.sweep(params), told);
      assert.deepEqual(await store.sweep({ ...params, dryRun: true }), { removed: [] });
    });

    test("Writes no change row.", async (store) => {
      await put(store, "s-9", 1);
      await store.sweep({ minAgeMs: 0 });
      assert.equal((await store.changes({ after: 0 })).position, 0);
    });

    test("With an age that is none is refused.", async (store) => {
      for (const minAgeMs of [-1, 0.5, Number.NaN, Infinity])
        await refused("invalid_limit", () => store.sweep({ minAgeMs }));
    });
  });
}

async function put(store: Store, session: string, byte: number): Promise<string> {
  return (await store.putBlob({ session: sessionKey(session), bytes: Uint8Array.of(byte) })).blob;
}

function documentOf(session: string) {
  return { session: sessionKey(session), body: "{}" };
}
