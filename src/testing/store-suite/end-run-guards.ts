import assert from "node:assert/strict";
import type { EndRunParams } from "../../core/run.ts";
import type { Store } from "../../core/store.ts";
import type { StoreTests } from "./harness.ts";
import { appendTo, bodiesOf, logKey, plain, refused, sessionKey } from "./samples.ts";
import {
  admitTo,
  begin,
  commitOf,
  endOf,
  leaseMs,
  partsOf,
  sha256,
  stage,
  startMs,
  takeOver,
  workSnapshot,
} from "./work-samples.ts";

const session = sessionKey();
const closers = [{ body: '{"closed":1}', uuid: "c-1" }, { body: '{"closed":2}' }];

/** Who may end a run, and how often. */
export function endRunGuardsTests({ describe, test }: StoreTests): void {
  describe("endRun guards", () => {
    for (const as of ["interrupted", "discarded", "held"] as const) {
      test(`As ${as} a second time comes to nothing, however late.`, async (store, clock) => {
        clock.stopAt(startMs);
        const claim = await begin(store);
        await stage(store, claim, plain(1, 2));
        const parts = await partsOf(store, claim);
        const first = await endOf(store, claim, as, { parts });
        clock.advance(10 * leaseMs);
        const before = await workSnapshot(store);
        for (const each of [parts, []]) {
          const again = await endOf(store, claim, as, { parts: each, closers, reason: "other" });
          assert.deepEqual(again, { ...first, alreadyClosed: true });
        }
        assert.deepEqual(await workSnapshot(store), before);
      });

      test(`As ${as} many times at once happens once.`, async (store) => {
        const claim = await begin(store);
        await stage(store, claim, plain(1, 2));
        const parts = await partsOf(store, claim);
        const results = await Promise.all(
          Array.from({ length: 5 }, () => endOf(store, claim, as, { parts, closers })),
        );
        assert.equal(results.filter(({ alreadyClosed }) => !alreadyClosed).length, 1);
        assert.equal((await store.audit()).length, 1);
        assert.equal((await bodiesOf(store, logKey())).length, as === "interrupted" ? 4 : 0);
      });

      test(`As ${as} of other parts than are staged is refused, and changes nothing.`, async (store) => {
        const claim = await begin(store);
        await stage(store, claim, plain(1, 2));
        await stage(store, claim, plain(1, 2), "subagents/a");
        const [first, second] = await partsOf(store, claim);
        const before = await workSnapshot(store);
        for (const parts of [
          [],
          [first!],
          [first!, { ...second!, to: 1 }],
          [first!, { ...second!, sha256: sha256("other") }],
          [first!, second!, second!],
          [first!, second!, { ...second!, log: "other" }],
        ])
          await refused("tail_mismatch", () => endOf(store, claim, as, { parts }));
        assert.deepEqual(await workSnapshot(store), before);
        assert.equal((await endOf(store, claim, as, { parts: [second!, first!] })).alreadyClosed, false);
      });

      test(`As ${as} under a lease that has ended is refused, and changes nothing.`, async (store, clock) => {
        clock.stopAt(startMs);
        const claim = await begin(store);
        await stage(store, claim, plain(1, 2));
        clock.advance(leaseMs);
        const before = await workSnapshot(store);
        for (const epoch of [claim.lease.epoch, claim.lease.epoch + 1])
          await refused("lease_lost", () => endOf(store, claim, as, { epoch }));
        assert.deepEqual(await workSnapshot(store), before);
        assert.equal((await endOf(store, await takeOver(store, claim), as)).run.state, as);
        assert.equal(await store.lease(session), null);
      });

      test(`As ${as} of a run that ended otherwise is refused.`, async (store) => {
        for (const other of ["committed", "interrupted", "discarded"] as const) {
          if (other === as) continue;
          const claim = await begin(store, other);
          await stage(store, claim, plain(1, 2));
          if (other === "committed") await commitOf(store, claim);
          else await endOf(store, claim, other);
          const taken = await takeOver(store, claim);
          const before = await workSnapshot(store, other);
          await refused("run_closed", () => endOf(store, taken, as, { parts: [] }));
          assert.deepEqual(await workSnapshot(store, other), before);
        }
      });

      test(`As ${as} of a run that the session does not have is refused.`, async (store) => {
        const claim = await begin(store);
        const other = await begin(store, "s-2");
        for (const run of ["none", other.run.id])
          await refused("run_unknown", () => endOf(store, claim, as, { run, parts: [] }));
        assert.equal((await store.run({ run: other.run.id }))?.state, "running");
      });
    }

    test("An end that is refused takes none of those with it that wait at the same moment.", async (store) => {
      const bad = await begin(store, "s-1");
      await stage(store, bad, plain(1, 2));
      const outcomes = await Promise.allSettled([
        appendTo(store, "s-2", plain(1, 1)),
        endRunPlainly(store, { as: "interrupted", run: bad.run.id, epoch: bad.lease.epoch }),
        admitTo(store, "s-3", "k-1"),
      ]);
      const states = outcomes.map(({ status }) => status === "fulfilled");
      assert.deepEqual(states, [true, false, true]);
      assert.equal((await store.run({ run: bad.run.id }))?.state, "running");
    });
  });
}

function endRunPlainly(store: Store, params: Pick<EndRunParams, "as" | "run" | "epoch">): Promise<unknown> {
  return store.endRun({ session, parts: [], reason: "stopped", actor: "tester", ...params });
}
