import assert from "node:assert/strict";
import type { Claim } from "../../core/run.ts";
import type { Store } from "../../core/store.ts";
import type { StoreTests } from "./harness.ts";
import { allChanges, plain, refused, sessionKey } from "./samples.ts";
import {
  admitTo,
  begin,
  claimNext,
  commitOf,
  endOf,
  leaseMs,
  stage,
  startMs,
  workSnapshot,
} from "./work-samples.ts";

const session = sessionKey();
const actor = "user";

/** Giving an input that was given up its tries again. */
export function requeueTests({ describe, test }: StoreTests): void {
  describe("requeue", () => {
    test("Of an abandoned input queues it, without a reason and with all its tries, on record and in the feed.", async (store, clock) => {
      clock.stopAt(startMs);
      const { input: before, run } = await abandoned(store);
      clock.advance(1000);
      const { input: id } = run;
      const result = await store.requeue({ session, input: id, actor, reason: "mended" });
      const { reason: _, ...rest } = before;
      const after = { ...rest, state: "queued", attempts: 0, updatedAtMs: startMs + 1000 };
      assert.deepEqual(result, { input: after, requeued: true });
      assert.deepEqual(await store.inputs({ session }), [after]);
      assert.deepEqual(await store.inputs({ state: "queued" }), [after]);
      assert.deepEqual(await store.inputs({ state: "abandoned" }), []);
      const [row] = await store.audit();
      const { seq: __, ...audited } = row!;
      const by = { actor, verb: "input_requeued", run: run.id, reason: "mended" };
      assert.deepEqual(audited, { ...session, atMs: startMs + 1000, ...by });
      const { seq: ___, ...last } = (await allChanges(store)).at(-1)!;
      assert.deepEqual(last, { ...session, atMs: startMs + 1000, kind: "input", of: id });
    });

    test("Lets it be tried three times more, under run ids that were never given.", async (store) => {
      const { run } = await abandoned(store);
      const { input: id } = run;
      await store.requeue({ session, input: id, actor });
      for (const state of ["queued", "queued", "abandoned"]) {
        const claim = await claimNext(store);
        await stage(store, claim, plain(1, 1), `@run/${claim.run.id}`);
        assert.equal((await endOf(store, claim, "interrupted")).input.state, state);
      }
      const { runs } = await store.runs({ session });
      assert.deepEqual(
        runs.toReversed().map((one) => [one.id, one.attempt]),
        [1, 2, 3, 4, 5, 6].map((attempt) => [`${id}.${attempt}`, attempt]),
      );
      for (const { id: name } of runs) assert.equal((await store.run({ run: name }))?.id, name);
    });

    test("Leaves what its runs did, and the next one can be committed.", async (store) => {
      const { run } = await abandoned(store);
      const before = await store.run({ run: run.id });
      await store.requeue({ session, input: run.input, actor });
      assert.deepEqual(await store.run({ run: run.id }), before);
      const again = await claimNext(store);
      assert.deepEqual([again.run.attempt, again.input.attempts], [4, 1]);
      await stage(store, again, plain(1, 2));
      await commitOf(store, again);
      const [input] = await store.inputs({ session });
      assert.deepEqual([input?.state, input?.run, input?.reason], ["consumed", again.run.id, undefined]);
    });

    test("Gives it its old place: before what was admitted later, by its priority.", async (store) => {
      const { run } = await abandoned(store);
      await admitTo(store, "s-1", "later");
      await admitTo(store, "s-1", "urgent", { priority: 1 });
      await store.requeue({ session, input: run.input, actor });
      const order: string[] = [];
      for (let left = 3; left > 0; left -= 1) {
        const claim = await claimNext(store);
        order.push(claim.input.key);
        await commitOf(store, claim);
      }
      assert.deepEqual(order, ["urgent", "k-1", "later"]);
    });

    test("Waits behind the run that its session has open.", async (store) => {
      const { run } = await abandoned(store);
      const open = await begin(store, "s-1", "k-2");
      await store.requeue({ session, input: run.input, actor });
      assert.equal(await store.claim({ worker: "w-1", leaseMs }), null);
      await commitOf(store, open);
      assert.equal((await claimNext(store)).input.id, run.input);
    });

    test("Queues also what an operator gave up, and what is queued so can be cancelled.", async (store) => {
      const claim = await begin(store);
      await endOf(store, claim, "discarded", { requeue: false });
      const { input } = await store.requeue({ session, input: claim.input.id, actor });
      assert.equal(input.state, "queued");
      const cancelled = await store.cancel({ session, input: input.id, actor, reason: "no more" });
      assert.deepEqual([cancelled.state, cancelled.reason], ["cancelled", "no more"]);
      assert.equal(await store.claim({ worker: "w-1", leaseMs }), null);
    });

    test("Of an input that is open comes to nothing, however often.", async (store) => {
      const { run } = await abandoned(store);
      const params = { session, input: run.input, actor };
      const { input: queued } = await store.requeue(params);
      let before = await workSnapshot(store);
      assert.deepEqual(await store.requeue({ ...params, reason: "again" }), {
        input: queued,
        requeued: false,
      });
      assert.deepEqual(await workSnapshot(store), before);
      const { input: running } = await claimNext(store);
      before = await workSnapshot(store);
      assert.deepEqual(await store.requeue(params), { input: running, requeued: false });
      assert.deepEqual(await workSnapshot(store), before);
    });

    test("Of an input that was consumed or cancelled is refused, with nothing written.", async (store) => {
      const consumed = await begin(store);
      await commitOf(store, consumed);
      const cancelled = await admitTo(store, "s-1", "k-2");
      await store.cancel({ session, input: cancelled.id, actor });
      const stopped = await begin(store, "s-1", "k-3");
      await store.cancel({ session, input: stopped.input.id, actor });
      await endOf(store, stopped, "interrupted");
      const before = await workSnapshot(store);
      for (const { id } of [consumed.input, cancelled, stopped.input])
        await refused("input_closed", () => store.requeue({ session, input: id, actor }));
      assert.deepEqual(await workSnapshot(store), before);
    });

    test("Of an input that the session does not have is refused.", async (store) => {
      const { run } = await abandoned(store);
      const id = run.input;
      await abandoned(store, "s-2");
      const wrong = [
        { session, input: "none" },
        { session, input: `${id} ` },
        { session: sessionKey("s-2"), input: id },
        { session: { ...session, project: "p-2" }, input: id },
      ];
      for (const params of wrong) await refused("input_unknown", () => store.requeue({ ...params, actor }));
      assert.equal((await store.inputs({ session }))[0]?.state, "abandoned");
      await store.drop({ session, actor });
      await refused("input_unknown", () => store.requeue({ session, input: id, actor }));
    });

    test("Asked for at once in many places queues it once.", async (store) => {
      const { run } = await abandoned(store);
      const asked = Array.from({ length: 8 }, () => store.requeue({ session, input: run.input, actor }));
      const done = await Promise.all(asked);
      assert.equal(done.filter(({ requeued }) => requeued).length, 1);
      const audited = (await store.audit({ session })).filter(({ verb }) => verb === "input_requeued");
      assert.equal(audited.length, 1);
    });
  });
}

/** An input that was tried as often as it may be. */
async function abandoned(store: Store, name = "s-1"): Promise<Pick<Claim, "input" | "run">> {
  await admitTo(store, name, "k-1");
  for (;;) {
    const claim = (await store.claim({ worker: "w-1", leaseMs, session: name }))!;
    const ended = await endOf(store, claim, "interrupted", { reason: "the model is gone" });
    if (ended.input.state === "abandoned") return ended;
  }
}
