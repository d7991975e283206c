import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { allChanges, onlyOf, refused, sessionKey } from "./samples.ts";
import {
  admitTo,
  begin,
  claimNext,
  commitOf,
  endOf,
  leaseMs,
  startMs,
  workSnapshot,
} from "./work-samples.ts";

const session = sessionKey();

/** Taking back an input. */
export function cancelTests({ describe, test }: StoreTests): void {
  describe("cancel", () => {
    test("Of a queued input ends it before it began, with an audit row and a change row.", async (store, clock) => {
      clock.stopAt(startMs);
      const admitted = await admitTo(store, "s-1", "k-1");
      clock.advance(1000);
      const input = await store.cancel({ session, input: admitted.id, actor: "user", reason: "a typo" });
      const now = startMs + 1000;
      assert.deepEqual(input, { ...admitted, state: "cancelled", reason: "a typo", updatedAtMs: now });
      assert.deepEqual(await store.inputs({ session }), [input]);
      assert.equal(await store.claim({ worker: "w-1", leaseMs }), null);
      const { actor, verb, reason, atMs } = onlyOf(await store.audit());
      assert.deepEqual([actor, verb, reason, atMs], ["user", "input_cancelled", "a typo", now]);
      const last = { seq: 2, ...session, atMs: now, kind: "input", of: admitted.id };
      assert.deepEqual((await allChanges(store)).slice(1), [last]);
    });

    test("Of one input leaves the others queued.", async (store) => {
      const { id } = await admitTo(store, "s-1", "k-1");
      await admitTo(store, "s-1", "k-2");
      await store.cancel({ session, input: id, actor: "user" });
      assert.equal((await claimNext(store)).input.key, "k-2");
    });

    test("Of a running input asks its run to stop, and what the run has done decides.", async (store) => {
      const claim = await begin(store);
      const input = await store.cancel({ session, input: claim.input.id, actor: "user" });
      assert.deepEqual([input.state, input.cancelRequested, input.run], ["running", true, claim.run.id]);
      assert.deepEqual(await store.lease(session), claim.lease);
      assert.equal((await store.run({ run: claim.run.id }))?.state, "running");
      assert.equal((await store.audit())[0]?.verb, "input_cancelled");
      const last = (await allChanges(store)).at(-1);
      assert.deepEqual([last?.kind, last?.of], ["input", input.id]);
      await commitOf(store, claim);
      assert.equal((await store.inputs({ session }))[0]?.state, "consumed");
    });

    test("Of a running input ends it when its run is stopped, though it were to be tried again.", async (store) => {
      for (const as of ["interrupted", "discarded"] as const) {
        const claim = await begin(store, "s-1", as);
        await store.cancel({ session, input: claim.input.id, actor: "user" });
        const { input } = await endOf(store, claim, as);
        assert.equal(input.state, "cancelled");
        assert.equal(await store.claim({ worker: "w-1", leaseMs }), null);
      }
    });

    test("Of an input whose provider nobody serves lets those behind it run.", async (store) => {
      const stuck = await admitTo(store, "s-1", "stuck", { provider: "nobody", priority: 9 });
      await admitTo(store, "s-1", "good", { provider: "scripted" });
      const claim = () => store.claim({ worker: "w-1", leaseMs, providers: ["scripted"] });
      assert.equal(await claim(), null);
      await store.cancel({ session: sessionKey("s-1"), input: stuck.id, actor: "tester" });
      assert.equal((await claim())?.input.key, "good");
    });

    test("Of an input that waits for its second try ends it.", async (store) => {
      const claim = await begin(store);
      await endOf(store, claim, "interrupted");
      const input = await store.cancel({ session, input: claim.input.id, actor: "user" });
      assert.deepEqual([input.state, input.attempts], ["cancelled", 1]);
      assert.equal(await store.claim({ worker: "w-1", leaseMs }), null);
    });

    test("Of a cancelled input comes to nothing.", async (store) => {
      const { id } = await admitTo(store, "s-1", "k-1");
      const first = await store.cancel({ session, input: id, actor: "user", reason: "first" });
      const before = await workSnapshot(store);
      const second = await store.cancel({ session, input: id, actor: "other", reason: "second" });
      assert.deepEqual(second, first);
      assert.deepEqual(await workSnapshot(store), before);
    });

    test("Of an input that ended otherwise is refused, with nothing written.", async (store) => {
      const consumed = await begin(store);
      await commitOf(store, consumed);
      const abandoned = await begin(store, "s-1", "k-2");
      await endOf(store, abandoned, "interrupted", { requeue: false });
      const before = await workSnapshot(store);
      for (const { input } of [consumed, abandoned])
        await refused("input_closed", () => store.cancel({ session, input: input.id, actor: "user" }));
      assert.deepEqual(await workSnapshot(store), before);
    });

    test("Of an input that the session does not have is refused.", async (store) => {
      const { id } = await admitTo(store, "s-1", "k-1");
      const wrong = [
        { session, input: "none" },
        { session, input: `${id} ` },
        { session: sessionKey("s-2"), input: id },
        { session: { ...session, project: "p-2" }, input: id },
      ];
      for (const params of wrong)
        await refused("input_unknown", () => store.cancel({ ...params, actor: "user" }));
      assert.equal((await store.inputs({ session }))[0]?.state, "queued");
    });
  });
}
