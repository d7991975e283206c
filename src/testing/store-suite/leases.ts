import assert from "node:assert/strict";
import { isHoldfastError } from "../../core/errors.ts";
import type { StoreTests } from "./harness.ts";
import {
  allChanges,
  appendTo,
  bodiesOf,
  keyed,
  logKey,
  onlyOf,
  plain,
  refused,
  sessionKey,
} from "./samples.ts";
import {
  begin,
  endOf,
  fenceOf,
  leaseMs,
  partsOf,
  stage,
  startMs,
  takeOver,
  workSnapshot,
} from "./work-samples.ts";

const session = sessionKey();

/** The exclusive right to write a session, by the store's clock. */
export function leasesTests({ describe, test }: StoreTests): void {
  describe("leases", () => {
    test("Begin and end by the clock that the store was opened with.", async (store, clock) => {
      clock.stopAt(startMs);
      const lease = await store.acquireLease({ session, owner: "w-1", leaseMs });
      const { epoch, ...rest } = lease;
      assert.ok(Number.isSafeInteger(epoch) && epoch >= 1);
      assert.deepEqual(rest, { ...session, owner: "w-1", sinceMs: startMs, untilMs: startMs + leaseMs });
      clock.advance(leaseMs - 1);
      assert.deepEqual(await store.lease(session), lease);
      clock.advance(1);
      assert.equal(await store.lease(session), null);
    });

    test("Are none of a session that was never leased.", async (store) => {
      assert.equal(await store.lease(session), null);
      await appendTo(store, "s-1", plain(1, 1));
      assert.equal(await store.lease(session), null);
    });

    test("Make no session and no change.", async (store) => {
      const { epoch } = await store.acquireLease({ session, owner: "w-1", leaseMs });
      await store.renewLease({ session, epoch, leaseMs });
      await store.releaseLease({ session, epoch });
      assert.equal(await store.session(session), null);
      assert.deepEqual(await store.sessions(), { sessions: [] });
      assert.deepEqual(await allChanges(store), []);
    });

    test("Keep everyone else out while they live, their own holder too, and name him.", async (store, clock) => {
      clock.stopAt(startMs);
      const lease = await store.acquireLease({ session, owner: "w-1", leaseMs });
      clock.advance(leaseMs - 1);
      for (const owner of ["w-1", "w-2"]) {
        const error = await refused("session_busy", () => store.acquireLease({ session, owner, leaseMs }));
        const { owner: holder, sinceMs, untilMs } = error.data;
        assert.deepEqual([holder, sinceMs, untilMs], ["w-1", startMs, startMs + leaseMs]);
      }
      assert.deepEqual(await store.lease(session), lease);
    });

    test("That have run out can be taken over, with the next epoch.", async (store, clock) => {
      clock.stopAt(startMs);
      const first = await store.acquireLease({ session, owner: "w-1", leaseMs });
      clock.advance(leaseMs);
      const second = await store.acquireLease({ session, owner: "w-2", leaseMs: 5 });
      const sinceMs = startMs + leaseMs;
      const epoch = first.epoch + 1;
      assert.deepEqual(second, { ...session, owner: "w-2", epoch, sinceMs, untilMs: sinceMs + 5 });
    });

    test("Of one session leave every other one free.", async (store) => {
      await store.acquireLease({ session, owner: "w-1", leaseMs });
      for (const other of [sessionKey("s-2"), { ...session, project: "p-2" }]) {
        assert.equal(await store.lease(other), null);
        const { owner } = await store.acquireLease({ session: other, owner: "w-2", leaseMs });
        assert.equal(owner, "w-2");
      }
      assert.equal((await store.lease(session))?.owner, "w-1");
    });

    test("Wanted by many at once are given to exactly one.", async (store) => {
      const wanted = Array.from({ length: 8 }, (_, n) =>
        store.acquireLease({ session, owner: `w-${n}`, leaseMs }),
      );
      const outcomes = await Promise.allSettled(wanted);
      const won = outcomes.filter((outcome) => outcome.status === "fulfilled");
      assert.equal(won.length, 1);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected")
          assert.equal(isHoldfastError(outcome.reason) && outcome.reason.code, "session_busy");
      }
      assert.deepEqual(await store.lease(session), won[0]!.value);
    });

    test("That are renewed last from now on, and begin when they began.", async (store, clock) => {
      clock.stopAt(startMs);
      const first = await store.acquireLease({ session, owner: "w-1", leaseMs });
      clock.advance(leaseMs - 1);
      const renewed = await store.renewLease({ session, epoch: first.epoch, leaseMs: 10 * leaseMs });
      assert.deepEqual(renewed, { ...first, untilMs: startMs + leaseMs - 1 + 10 * leaseMs });
      clock.advance(9 * leaseMs);
      assert.deepEqual(await store.lease(session), renewed);
      const shorter = await store.renewLease({ session, epoch: first.epoch, leaseMs: 1 });
      assert.deepEqual([shorter.untilMs, shorter.sinceMs], [clock.now() + 1, startMs]);
    });

    test("That have ended cannot be renewed, however they ended.", async (store, clock) => {
      clock.stopAt(startMs);
      await refused("lease_lost", () => store.renewLease({ session, epoch: 1, leaseMs }));
      const ran = await store.acquireLease({ session, owner: "w-1", leaseMs });
      for (const epoch of [ran.epoch - 1, ran.epoch + 1])
        await refused("lease_lost", () => store.renewLease({ session, epoch, leaseMs }));
      clock.advance(leaseMs);
      await refused("lease_lost", () => store.renewLease({ session, epoch: ran.epoch, leaseMs }));
      const released = await store.acquireLease({ session, owner: "w-1", leaseMs });
      await refused("lease_lost", () => store.renewLease({ session, epoch: ran.epoch, leaseMs }));
      await store.releaseLease({ session, epoch: released.epoch });
      await refused("lease_lost", () => store.renewLease({ session, epoch: released.epoch, leaseMs }));
      const cleared = await store.acquireLease({ session, owner: "w-1", leaseMs });
      const { epoch } = await store.clearLease({ session, actor: "ops" });
      for (const gone of [cleared.epoch, epoch])
        await refused("lease_lost", () => store.renewLease({ session, epoch: gone, leaseMs }));
      assert.equal(await store.lease(session), null);
    });

    test("That are released are free at once, and their epoch is not given again.", async (store) => {
      const first = await store.acquireLease({ session, owner: "w-1", leaseMs });
      assert.deepEqual(await store.releaseLease({ session, epoch: first.epoch }), { released: true });
      assert.equal(await store.lease(session), null);
      const second = await store.acquireLease({ session, owner: "w-2", leaseMs });
      assert.equal(second.epoch, first.epoch + 1);
    });

    test("Are not released by a stale epoch, a second time, or where there are none.", async (store) => {
      assert.deepEqual(await store.releaseLease({ session, epoch: 1 }), { released: false });
      const first = await store.acquireLease({ session, owner: "w-1", leaseMs });
      await store.releaseLease({ session, epoch: first.epoch });
      assert.deepEqual(await store.releaseLease({ session, epoch: first.epoch }), { released: false });
      const second = await store.acquireLease({ session, owner: "w-2", leaseMs });
      for (const epoch of [first.epoch, second.epoch + 1])
        assert.deepEqual(await store.releaseLease({ session, epoch }), { released: false });
      assert.deepEqual(await store.lease(session), second);
    });

    test("That an operator clears end at once, with a new epoch, an audit row and a change row.", async (store, clock) => {
      clock.stopAt(startMs);
      const held = await store.acquireLease({ session, owner: "w-1", leaseMs });
      const { cleared, epoch } = await store.clearLease({ session, actor: "ops", reason: "it hangs" });
      assert.deepEqual([cleared, epoch], [held, held.epoch + 1]);
      assert.equal(await store.lease(session), null);
      const change = { ...session, atMs: startMs, kind: "lease_cleared" };
      assert.deepEqual(await allChanges(store), [{ seq: 1, ...change }]);
      const row = onlyOf(await store.audit());
      const told = { ...session, atMs: startMs, actor: "ops", verb: "lease_cleared", reason: "it hangs" };
      assert.deepEqual(row, { seq: row.seq, ...told });
      assert.equal((await store.acquireLease({ session, owner: "w-2", leaseMs })).epoch, epoch + 1);
    });

    test("That have ended already can be cleared too, and the epoch grows each time.", async (store, clock) => {
      clock.stopAt(startMs);
      const ran = await store.acquireLease({ session, owner: "w-1", leaseMs });
      clock.advance(leaseMs);
      const clear = () => store.clearLease({ session, actor: "ops" });
      assert.deepEqual(await clear(), { cleared: null, epoch: ran.epoch + 1 });
      assert.deepEqual(await clear(), { cleared: null, epoch: ran.epoch + 2 });
      assert.equal("reason" in (await store.audit())[0]!, false);
    });

    test("Can be cleared where a session was never leased, but not where there is no session.", async (store) => {
      await refused("session_unknown", () => store.clearLease({ session, actor: "ops" }));
      assert.deepEqual([await store.audit(), await allChanges(store)], [[], []]);
      await appendTo(store, "s-1", plain(1, 1));
      const { cleared, epoch } = await store.clearLease({ session, actor: "ops" });
      assert.equal(cleared, null);
      assert.equal((await store.acquireLease({ session, owner: "w-1", leaseMs })).epoch, epoch + 1);
    });

    test("Of a dropped session end with it, and its epochs are never given again.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const held = await store.acquireLease({ session, owner: "w-1", leaseMs });
      await store.drop({ session, actor: "test", sealed: false });
      assert.equal(await store.lease(session), null);
      await refused("lease_lost", () => store.renewLease({ session, epoch: held.epoch, leaseMs }));
      const next = await store.acquireLease({ session, owner: "w-2", leaseMs });
      assert.ok(next.epoch > held.epoch);
      const late = { log: logKey(), entries: plain(2, 2), fence: fenceOf(held), reopen: "any" } as const;
      await refused("lease_lost", () => store.append(late));
    });

    test("Of a session that was dropped for good are refused.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await store.drop({ session, actor: "test" });
      await refused("session_dropped", () => store.acquireLease({ session, owner: "w-1", leaseMs }));
      assert.equal(await store.lease(session), null);
    });

    test("Are given over an open run whose own lease has run out.", async (store, clock) => {
      clock.stopAt(startMs);
      const claim = await begin(store);
      await refused("session_busy", () => store.acquireLease({ session, owner: "w-2", leaseMs }));
      clock.advance(leaseMs);
      const { epoch } = await store.acquireLease({ session, owner: "w-2", leaseMs });
      assert.ok(epoch > claim.lease.epoch);
      assert.equal((await store.run({ run: claim.run.id }))?.state, "running");
    });

    test("Of no owner or of an impossible time are refused.", async (store) => {
      const { epoch } = await store.acquireLease({ session, owner: "w-1", leaseMs });
      const free = sessionKey("s-2");
      for (const wrong of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 86_400_001]) {
        await refused("invalid_lease", () =>
          store.acquireLease({ session: free, owner: "w", leaseMs: wrong }),
        );
        await refused("invalid_lease", () => store.renewLease({ session, epoch, leaseMs: wrong }));
      }
      await refused("invalid_lease", () => store.acquireLease({ session: free, owner: "", leaseMs }));
      await store.acquireLease({ session: free, owner: "w", leaseMs: 86_400_000 });
    });
  });

  describe("fences", () => {
    test("Let the holder's writes through, and commit them at once outside a run.", async (store) => {
      const { epoch } = await store.acquireLease({ session, owner: "w-1", leaseMs });
      const result = await store.append({ log: logKey(), entries: plain(1, 2), fence: { epoch } });
      assert.deepEqual([result.to, result.committed], [2, 2]);
      assert.deepEqual(await bodiesOf(store, logKey()), ['{"n":1}', '{"n":2}']);
    });

    for (const [end, ending] of Object.entries(endings)) {
      test(`Refuse a holder whose lease ${end}, with nothing written.`, async (store, clock) => {
        clock.stopAt(startMs);
        await appendTo(store, "s-1", keyed(1, 2));
        const { epoch } = await store.acquireLease({ session, owner: "w-1", leaseMs });
        clock.advance(leaseMs - 1);
        await store.append({ log: logKey(), entries: keyed(3, 3), fence: { epoch } });
        await ending(store, clock, epoch);
        const before = await workSnapshot(store);
        for (const entries of [keyed(4, 5), keyed(1, 1), []]) {
          const late = { log: logKey(), entries, fence: { epoch } };
          const error = await refused("lease_lost", () => store.append(late));
          assert.equal(error.data["epoch"], epoch);
        }
        assert.deepEqual(await workSnapshot(store), before);
      });
    }

    test("Refuse an epoch that was never given.", async (store) => {
      for (const epoch of [0, 1, 7])
        await refused("lease_lost", () =>
          store.append({ log: logKey(), entries: plain(1, 1), fence: { epoch } }),
        );
      const lease = await store.acquireLease({ session, owner: "w-1", leaseMs });
      const fence = { epoch: lease.epoch + 1 };
      await refused("lease_lost", () => store.append({ log: logKey(), entries: plain(1, 1), fence }));
      assert.equal(await store.session(session), null);
    });

    test("Hold back nobody who writes without one.", async (store) => {
      await store.acquireLease({ session, owner: "w-1", leaseMs });
      assert.equal((await appendTo(store, "s-1", plain(1, 1))).committed, 1);
    });

    test("Refuse an old holder's staging, commit and end after another has taken over.", async (store, clock) => {
      clock.stopAt(startMs);
      const claim = await begin(store);
      await stage(store, claim, plain(1, 2));
      const parts = await partsOf(store, claim);
      clock.advance(leaseMs);
      await takeOver(store, claim);
      const before = await workSnapshot(store);
      const { epoch } = claim.lease;
      const run = claim.run.id;
      await refused("lease_lost", () => stage(store, claim, plain(3, 3)));
      await refused("lease_lost", () => store.commit({ session, run, epoch, parts, outcome: "{}" }));
      for (const as of ["interrupted", "discarded", "held"] as const)
        await refused("lease_lost", () => endOf(store, claim, as, { parts }));
      assert.deepEqual(await workSnapshot(store), before);
    });
  });
}

type Body = Parameters<StoreTests["test"]>[1];
type Ending = (store: Parameters<Body>[0], clock: Parameters<Body>[1], epoch: number) => Promise<unknown>;

const endings: Readonly<Record<string, Ending>> = {
  "has run out": async (_store, clock) => clock.advance(1),
  "was released": (store, _clock, epoch) => store.releaseLease({ session, epoch }),
  "was cleared": (store) => store.clearLease({ session, actor: "ops" }),
  "was taken over": (store, clock) => {
    clock.advance(1);
    return store.acquireLease({ session, owner: "w-2", leaseMs });
  },
};
