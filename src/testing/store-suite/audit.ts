import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { appendTo, onlyOf, plain, refused, sessionKey } from "./samples.ts";
import { admitTo, begin, commitOf, endOf, partsOf, stage, startMs } from "./work-samples.ts";

const session = sessionKey();

/** The record of what operators and recovery decided. */
export function auditTests({ describe, test }: StoreTests): void {
  describe("audit", () => {
    test("Of a store where nobody decided anything is empty.", async (store) => {
      await commitOf(store, await begin(store));
      assert.deepEqual(await store.audit(), []);
    });

    test("Tells every decision, newest first, with actor and reason.", async (store) => {
      const { id } = await admitTo(store, "s-1", "k-1");
      await store.cancel({ session, input: id, actor: "a", reason: "1" });
      await endOf(store, await begin(store, "s-1", "k-2"), "interrupted", {
        actor: "b",
        reason: "2",
        requeue: false,
      });
      await endOf(store, await begin(store, "s-1", "k-3"), "discarded", { actor: "c", reason: "3" });
      await store.clearLease({ session, actor: "d", reason: "4" });
      const rows = await store.audit({ session });
      assert.deepEqual(
        rows.map(({ verb, actor, reason }) => [verb, actor, reason]),
        [
          ["lease_cleared", "d", "4"],
          ["run_discarded", "c", "3"],
          ["run_interrupted", "b", "2"],
          ["input_cancelled", "a", "1"],
        ],
      );
      const seqs = rows.map(({ seq }) => seq);
      assert.deepEqual(
        seqs,
        [...new Set(seqs)].sort((a, b) => b - a),
      );
    });

    test("Tells who committed a run that was not his own, and why.", async (store, clock) => {
      clock.stopAt(startMs);
      const claim = await begin(store);
      await stage(store, claim, plain(1, 1));
      const parts = await partsOf(store, claim);
      const decided = { actor: "ops", reason: "it was done" };
      await refused("tail_mismatch", () => commitOf(store, claim, { parts: [], decided }));
      assert.deepEqual(await store.audit(), []);
      for (let n = 0; n < 2; n += 1) await commitOf(store, claim, { parts, decided });
      const row = onlyOf(await store.audit());
      const told = { ...session, atMs: startMs, verb: "run_committed", run: claim.run.id, ...decided };
      assert.deepEqual(row, { seq: row.seq, ...told });
    });

    test("Tells that a session was dropped, and outlives it.", async (store, clock) => {
      clock.stopAt(startMs);
      await appendTo(store, "s-1", plain(1, 1));
      await store.clearLease({ session, actor: "ops" });
      await store.drop({ session, actor: "user", reason: "private" });
      const [row, before] = await store.audit({ session });
      const told = { ...session, atMs: startMs, actor: "user", verb: "dropped", reason: "private" };
      assert.deepEqual(row, { seq: row!.seq, ...told });
      assert.equal(before?.verb, "lease_cleared");
      await appendTo(store, "s-2", plain(1, 1));
      await store.drop({ session: sessionKey("s-2"), actor: "user" });
      assert.equal("reason" in (await store.audit())[0]!, false);
    });

    test("Is asked by session.", async (store) => {
      const keys = [session, sessionKey("s-2"), { ...session, project: "p-2" }];
      for (const key of keys) {
        await store.append({ log: { ...key, log: "" }, entries: plain(1, 1) });
        await store.clearLease({ session: key, actor: "ops" });
      }
      for (const key of keys) {
        const rows = await store.audit({ session: key });
        assert.deepEqual(
          rows.map((row) => [row.project, row.session]),
          [[key.project, key.session]],
        );
      }
      assert.equal((await store.audit()).length, 3);
    });

    test("Without a limit is 50 rows at most, and a limit out of range is refused.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      for (let n = 0; n < 51; n += 1) await store.clearLease({ session, actor: `a-${n}` });
      assert.equal((await store.audit()).length, 50);
      const two = await store.audit({ limit: 2 });
      assert.deepEqual(
        two.map(({ actor }) => actor),
        ["a-50", "a-49"],
      );
      assert.equal((await store.audit({ limit: 1000 })).length, 51);
      for (const limit of [0, -1, 1.5, 1001]) await refused("invalid_limit", () => store.audit({ limit }));
    });
  });
}
