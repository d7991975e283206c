import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { appendTo, bodiesOf, keyed, logKey, plain, sessionKey, snapshot } from "./samples.ts";
import { commitOf, endOf, leaseMs, partsOf, stage, used, workSnapshot } from "./work-samples.ts";

/** Nothing that goes in or comes out is shared with the store's own state. */
export function isolationTests({ describe, test }: StoreTests): void {
  describe("isolation", () => {
    test("Spoiling what was returned spoils nothing that is stored.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 2));
      await store.describe({ session: sessionKey(), title: "T", labels: { a: "1" } });
      await appendTo(store, "s-2", keyed(1, 2));
      await store.drop({ session: sessionKey("s-2"), actor: "test" });
      // A clone: a store that shares what it returns would otherwise spoil this along.
      const before = structuredClone([
        await snapshot(store, "s-1"),
        await snapshot(store, "s-2"),
        await store.sessions(),
      ]);
      spoil(await store.read({ log: logKey() }));
      spoil(await store.read({ log: logKey(), order: "desc" }));
      spoil(await store.logs(sessionKey()));
      spoil(await store.session(sessionKey()));
      spoil(await store.sessions());
      spoil(await store.tombstone(sessionKey("s-2")));
      spoil(await store.changes({ after: 0 }));
      spoil(await store.health());
      const after = [await snapshot(store, "s-1"), await snapshot(store, "s-2"), await store.sessions()];
      assert.deepEqual(after, before);
    });

    test("Spoiling the row that describe returned spoils nothing that is stored.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      spoil(await store.describe({ session: sessionKey(), title: "T", labels: { a: "1" } }));
      const row = await store.session(sessionKey());
      assert.deepEqual([row?.title, row?.labels], ["T", { a: "1" }]);
    });

    test("Spoiling a batch after the call, even before it is answered, changes nothing of it.", async (store) => {
      const log = logKey();
      const entries = keyed(1, 2);
      const append = store.append({ log, entries });
      for (const entry of entries) Reflect.set(entry, "body", '{"spoiled":true}');
      entries.push({ body: '{"late":true}' });
      Reflect.set(log, "session", "s-9");
      await append;
      assert.deepEqual(await bodiesOf(store, logKey()), ['{"n":1}', '{"n":2}']);
    });

    test("Spoiling what the verbs of leases, inputs and runs returned spoils nothing that is stored.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 2));
      const spoilt = async (name: string, as: "committed" | "interrupted" | "held") => {
        const key = sessionKey(name);
        const lease = await store.acquireLease({ session: key, owner: "w", leaseMs });
        spoil(await store.renewLease({ session: key, epoch: lease.epoch, leaseMs }));
        spoil(await store.lease(key));
        const { cleared } = await store.clearLease({ session: key, actor: "ops", reason: "r" });
        spoil([lease, cleared]);
        spoil(await store.admit({ session: key, key: "k", body: "{}" }));
        const claim = (await store.claim({ worker: "w", leaseMs, session: name }))!;
        const kept = structuredClone(claim);
        spoil(claim);
        await stage(store, kept, plain(3, 4));
        spoil(await store.read({ log: logKey(name), run: kept.run.id }));
        spoil(await store.tail({ run: kept.run.id }));
        spoil(await store.cancel({ session: key, input: kept.input.id, actor: "user" }));
        spoil(as === "committed" ? await commitOf(store, kept) : await endOf(store, kept, as));
        spoil(await store.inputs({ session: key }));
        spoil(await store.run({ run: kept.run.id }));
        spoil(await store.runs({ session: key }));
        spoil(await store.audit());
        return workSnapshot(store, name);
      };
      for (const as of ["committed", "interrupted", "held"] as const) {
        await appendTo(store, as, keyed(1, 2));
        assert.equal(JSON.stringify(await spoilt(as, as)).includes("spoiled"), false);
      }
    });

    test("Spoiling what usage and projections returned spoils nothing that is stored.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      spoil(await store.recordUsage({ session: sessionKey(), rows: [used("r-1", 1)] }));
      spoil(await store.usage({ by: "model" }));
      spoil(await store.advance({ projection: "stats", from: 0, to: 1 }));
      spoil(await store.setProjection({ projection: "stats", paused: true }));
      spoil(await store.projections());
      const [group] = await store.usage({ by: "model" });
      assert.deepEqual([group?.name, group?.tokens.output], ["m-1", 2]);
      const [row] = await store.projections();
      assert.deepEqual([row?.name, row?.position, row?.paused], ["stats", 1, true]);
    });

    test("Spoiling an input, a boundary or a step after the call, even before it is answered, changes nothing of it.", async (store) => {
      const ask = { session: { ...sessionKey() }, key: "k-1", body: '{"ask":1}' };
      const admitting = store.admit(ask);
      spoil(ask);
      assert.deepEqual((await admitting).input.body, '{"ask":1}');
      const claim = (await store.claim({ worker: "w", leaseMs }))!;
      await stage(store, claim, plain(1, 2));
      const parts = structuredClone(await partsOf(store, claim));
      const { epoch } = claim.lease;
      const rows = structuredClone([used("r-1", 1)]);
      const closers = structuredClone(keyed(3, 3));
      const end = {
        session: { ...sessionKey() },
        run: claim.run.id,
        epoch,
        as: "interrupted",
        parts,
        closers,
      } as const;
      const ending = store.endRun({ ...end, reason: "r", actor: "a" });
      spoil(end);
      await ending;
      assert.deepEqual(await bodiesOf(store, logKey()), ['{"n":1}', '{"n":2}', '{"n":3}']);
      const again = (await store.claim({ worker: "w", leaseMs }))!;
      await stage(store, again, plain(4, 4));
      const boundary = {
        session: { ...sessionKey() },
        parts: structuredClone(await partsOf(store, again)),
        usage: rows,
      };
      const committing = store.commit({
        ...boundary,
        run: again.run.id,
        epoch: again.lease.epoch,
        outcome: "{}",
      });
      spoil(boundary);
      await committing;
      assert.equal((await store.usage({ by: "model" }))[0]?.name, "m-1");
      const documents = [{ session: { ...sessionKey() }, body: '{"n":1}' }];
      const advancing = store.advance({ projection: "stats", from: 0, to: 1, documents });
      spoil(documents);
      await advancing;
      assert.equal(await store.projected({ projection: "stats", session: sessionKey() }), '{"n":1}');
      const more = structuredClone([used("r-2", 1)]);
      const recording = store.recordUsage({ session: sessionKey(), rows: more });
      spoil(more);
      await recording;
      assert.equal((await store.usage({ by: "model" }))[0]?.responses, 2);
    });

    test("Spoiling labels after the call, even before it is answered, changes nothing of them.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const labels: Record<string, string> = { a: "1" };
      const describing = store.describe({ session: sessionKey(), labels });
      labels["a"] = "spoiled";
      await describing;
      labels["b"] = "late";
      assert.deepEqual((await store.session(sessionKey()))?.labels, { a: "1" });
    });

    test("Spoiling a blob's bytes, given or returned, changes nothing of it.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const bytes = Uint8Array.of(1, 2, 3);
      const putting = store.putBlob({ session: sessionKey(), bytes });
      bytes.fill(9);
      const { blob } = await putting;
      (await store.getBlob({ blob }))!.fill(8);
      assert.deepEqual([...(await store.getBlob({ blob }))!], [1, 2, 3]);
    });

    test("A read that was taken does not grow with the log.", async (store) => {
      await appendTo(store, "s-1", plain(1, 2));
      const taken = await store.read({ log: logKey() });
      const feed = await store.changes({ after: 0 });
      await appendTo(store, "s-1", plain(3, 3));
      assert.deepEqual([taken.entries.length, taken.head, feed.changes.length, feed.position], [2, 2, 1, 1]);
    });
  });
}

// A store may return frozen objects: then setting fails, which is as good.
function spoil(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const key of Object.keys(value)) {
    spoil(Reflect.get(value, key));
    Reflect.set(value, key, "spoiled");
  }
  if (Array.isArray(value) && !Object.isFrozen(value)) value.push("spoiled");
}
