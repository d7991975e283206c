import assert from "node:assert/strict";
import type { Store } from "../../core/store.ts";
import type { StoreTests } from "./harness.ts";
import { allChanges, appendTo, plain, refused, sessionKey } from "./samples.ts";
import {
  admitTo,
  begin,
  claimNext,
  commitOf,
  endOf,
  leaseMs,
  partsOf,
  stage,
  startMs,
  takeOver,
  workSnapshot,
} from "./work-samples.ts";

const session = sessionKey();

/** Handing out inputs: one run a session, fairly. */
export function claimTests({ describe, test }: StoreTests): void {
  describe("claim", () => {
    test("Of an empty store is nothing, and writes nothing.", async (store) => {
      assert.equal(await store.claim({ worker: "w-1", leaseMs }), null);
      assert.deepEqual(await allChanges(store), []);
    });

    test("Binds input, run and lease to each other, durably.", async (store, clock) => {
      clock.stopAt(startMs);
      const admitted = await admitTo(store, "s-1", "k-1", { provider: "scripted" });
      clock.advance(500);
      const claim = await claimNext(store);
      const now = startMs + 500;
      const { epoch } = claim.lease;
      assert.deepEqual(claim.lease, {
        ...session,
        epoch,
        owner: "w-1",
        sinceMs: now,
        untilMs: now + leaseMs,
      });
      assert.deepEqual(claim.run, {
        ...session,
        id: `${admitted.id}.1`,
        input: admitted.id,
        attempt: 1,
        worker: "w-1",
        epoch,
        revision: 0,
        state: "running",
        startedAtMs: now,
      });
      const bound = { state: "running", attempts: 1, run: claim.run.id, updatedAtMs: now };
      assert.deepEqual(claim.input, { ...admitted, ...bound });
      assert.deepEqual(await store.lease(session), claim.lease);
      assert.deepEqual(await store.run({ run: claim.run.id }), claim.run);
      assert.deepEqual(await store.inputs({ session }), [claim.input]);
    });

    test("Writes one change row, which names the run, and makes no session.", async (store, clock) => {
      clock.stopAt(startMs);
      const { run } = await begin(store);
      const last = (await allChanges(store)).slice(1);
      assert.deepEqual(last, [{ seq: 2, ...session, atMs: startMs, kind: "run", of: run.id }]);
      assert.equal(await store.session(session), null);
    });

    test("Takes a new epoch for each run.", async (store) => {
      const held = await store.acquireLease({ session, owner: "w-0", leaseMs });
      await store.releaseLease({ session, epoch: held.epoch });
      const first = await begin(store);
      assert.equal(first.lease.epoch, held.epoch + 1);
      await commitOf(store, first);
      assert.equal((await begin(store, "s-1", "k-2")).lease.epoch, held.epoch + 2);
    });

    test("In one session goes by priority, then by who came first.", async (store) => {
      for (const [key, priority] of [
        ["a", 0],
        ["b", 5],
        ["c", -1],
        ["d", 5],
        ["e", 0],
      ] as const)
        await admitTo(store, "s-1", key, { priority });
      assert.deepEqual(await served(store, 5), ["b", "d", "a", "e", "c"]);
    });

    test("Over sessions goes by priority first.", async (store) => {
      await admitTo(store, "s-1", "a");
      await admitTo(store, "s-2", "b", { priority: 1 });
      await admitTo(store, "s-3", "c", { priority: -1 });
      await admitTo(store, "s-3", "d", { priority: 2 });
      assert.deepEqual(await served(store, 4), ["d", "b", "a", "c"]);
    });

    test("Over sessions of one priority gives each its turn, however much one of them has queued.", async (store) => {
      for (const key of ["a1", "a2", "a3"]) await admitTo(store, "s-a", key);
      for (const key of ["b1", "b2"]) await admitTo(store, "s-b", key);
      await admitTo(store, "s-c", "c1");
      assert.deepEqual(await served(store, 6), ["a1", "b1", "c1", "a2", "b2", "a3"]);
    });

    test("Serves first who was never served, then who was served longest ago.", async (store) => {
      for (const name of ["s-a", "s-b"]) await admitTo(store, name, `${name} first`);
      assert.deepEqual(await served(store, 2), ["s-a first", "s-b first"]);
      for (const name of ["s-b", "s-a", "s-c"]) await admitTo(store, name, `${name} next`);
      assert.deepEqual(await served(store, 3), ["s-c next", "s-a next", "s-b next"]);
    });

    test("Counts a turn when it begins, however the run ends.", async (store) => {
      for (const name of ["s-a", "s-b"]) await admitTo(store, name, name);
      await endOf(store, await claimNext(store), "interrupted");
      assert.equal((await claimNext(store)).input.key, "s-b");
      assert.equal((await claimNext(store)).input.key, "s-a");
    });

    test("Gives a session one run at a time.", async (store) => {
      await admitTo(store, "s-1", "k-1");
      await admitTo(store, "s-1", "k-2");
      const first = await claimNext(store);
      const before = await workSnapshot(store);
      assert.equal(await store.claim({ worker: "w-2", leaseMs }), null);
      assert.deepEqual(await workSnapshot(store), before);
      await commitOf(store, first);
      assert.equal((await claimNext(store)).input.key, "k-2");
    });

    test("Passes over a run whose lease has run out; recovery alone may end it.", async (store, clock) => {
      clock.stopAt(startMs);
      await admitTo(store, "s-1", "k-1");
      await admitTo(store, "s-1", "k-2");
      await claimNext(store);
      clock.advance(10 * leaseMs);
      assert.equal(await store.claim({ worker: "w-2", leaseMs }), null);
    });

    test("Passes over a session that is held.", async (store) => {
      await admitTo(store, "s-1", "k-1");
      await admitTo(store, "s-1", "k-2");
      await endOf(store, await claimNext(store), "held");
      assert.equal(await store.claim({ worker: "w-2", leaseMs }), null);
    });

    test("Passes over a session that someone leased, until the lease has run out.", async (store, clock) => {
      clock.stopAt(startMs);
      await admitTo(store, "s-1", "k-1");
      await store.acquireLease({ session, owner: "operator", leaseMs });
      clock.advance(leaseMs - 1);
      assert.equal(await store.claim({ worker: "w-1", leaseMs }), null);
      clock.advance(1);
      assert.equal((await claimNext(store)).input.key, "k-1");
    });

    test("By many at once gives each session to one of them.", async (store) => {
      for (const name of ["s-1", "s-2", "s-3"]) for (const key of ["a", "b"]) await admitTo(store, name, key);
      const claims = await Promise.all(
        Array.from({ length: 8 }, (_, n) => store.claim({ worker: `w-${n}`, leaseMs })),
      );
      const won = claims.filter((claim) => claim !== null);
      assert.deepEqual(won.map(({ run }) => run.session).sort(), ["s-1", "s-2", "s-3"]);
      assert.equal((await store.runs({ state: "running" })).runs.length, 3);
    });

    test("Can be bound to a project and to a session.", async (store) => {
      await admitTo(store, "s-1", "k-1", { priority: 9 });
      await store.admit({ session: { project: "p-2", session: "s-1" }, key: "k-2", body: "{}" });
      await store.admit({ session: { project: "p-2", session: "s-2" }, key: "k-3", body: "{}", priority: 5 });
      const claim = (params: object) => store.claim({ worker: "w-1", leaseMs, ...params });
      assert.equal(await claim({ project: "p-3" }), null);
      assert.equal(await claim({ project: "p-1", session: "s-2" }), null);
      assert.equal((await claim({ project: "p-2", session: "s-1" }))?.input.key, "k-2");
      assert.equal((await claim({ project: "p-2" }))?.input.key, "k-3");
    });

    test("Can be bound to providers, and never skips a session's own next input.", async (store) => {
      await admitTo(store, "s-1", "a", { provider: "claude-code" });
      await admitTo(store, "s-1", "b", { provider: "scripted" });
      await admitTo(store, "s-2", "c", { provider: "scripted", priority: -5 });
      await admitTo(store, "s-3", "d", { provider: "codex" });
      const claim = (...providers: string[]) => store.claim({ worker: "w-1", leaseMs, providers });
      assert.equal((await claim("scripted"))?.input.key, "c");
      assert.equal(await claim("scripted"), null);
      assert.equal((await claim("cursor", "codex"))?.input.key, "d");
      assert.equal((await claim("claude-code"))?.input.key, "a");
    });

    test("Keeps to the most runs that a project may have, and serves the other projects.", async (store, clock) => {
      clock.stopAt(startMs);
      for (const name of ["s-1", "s-2", "s-3"]) await admitTo(store, name, name, { priority: 9 });
      await store.admit({ session: { project: "p-2", session: "s-1" }, key: "other", body: "{}" });
      const claim = () => store.claim({ worker: "w-1", leaseMs, maxRunsPerProject: 2 });
      const first = await claim();
      assert.deepEqual([first?.input.key, (await claim())?.input.key], ["s-1", "s-2"]);
      assert.equal((await claim())?.input.key, "other");
      assert.equal(await claim(), null);
      clock.advance(2 * leaseMs);
      assert.equal(await claim(), null);
      const acquired = await store.acquireLease({ session, owner: "w-1", leaseMs });
      await endOf(store, { ...first!, lease: acquired }, "held");
      assert.equal((await claim())?.input.key, "s-3");
      assert.equal(await claim(), null);
    });

    test("Counts attempts, and begins from the session's revision.", async (store) => {
      const first = await begin(store);
      await commitOf(store, first);
      const second = await begin(store, "s-1", "k-2");
      assert.deepEqual([second.run.attempt, second.run.revision], [1, 1]);
      await endOf(store, second, "interrupted");
      const third = await claimNext(store, "w-3");
      const { id, attempt, revision, worker } = third.run;
      assert.deepEqual([id, attempt, revision, worker], [`${second.input.id}.2`, 2, 1, "w-3"]);
      assert.deepEqual([third.input.attempts, third.input.run], [2, id]);
    });

    test("Gives nothing of a dropped session.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await admitTo(store, "s-1", "k-1");
      await store.drop({ session, actor: "test" });
      assert.equal(await store.claim({ worker: "w-1", leaseMs }), null);
    });

    test("Counts a held run's end as no second one.", async (store) => {
      for (const name of ["s-1", "s-2", "s-3"]) await admitTo(store, name, name);
      const claim = () => store.claim({ worker: "w-1", leaseMs, maxRunsPerProject: 1 });
      const held = (await claim())!;
      await endOf(store, held, "held");
      assert.equal((await claim())?.input.key, "s-2");
      await endOf(store, await takeOver(store, held), "discarded", { requeue: false });
      assert.equal(await claim(), null);
    });

    test("Begins anew in a session that was dropped during its run.", async (store) => {
      for (const as of ["running", "held"] as const) {
        const first = await begin(store, as);
        await stage(store, first, plain(1, 1));
        if (as === "held") await endOf(store, first, as);
        await store.drop({ session: sessionKey(as), actor: "test", sealed: false });
        const second = await begin(store, as);
        assert.deepEqual([second.run.attempt, second.run.revision], [1, 0]);
        assert.notEqual(second.run.id, first.run.id);
        assert.ok(second.lease.epoch > first.lease.epoch);
        assert.deepEqual(await partsOf(store, second), []);
      }
    });

    test("Has room again where a session was dropped during its run.", async (store) => {
      for (const name of ["s-1", "s-2", "s-3"]) await admitTo(store, name, name);
      const claim = () => store.claim({ worker: "w-1", leaseMs, maxRunsPerProject: 1 });
      assert.equal((await claim())?.input.key, "s-1");
      assert.equal(await claim(), null);
      await store.drop({ session, actor: "test" });
      assert.equal((await claim())?.input.key, "s-2");
      assert.equal(await claim(), null);
    });

    test("For no worker or an impossible time is refused, and takes nothing.", async (store) => {
      await admitTo(store, "s-1", "k-1");
      for (const wrong of [0, 1.5, Number.NaN, 86_400_001])
        await refused("invalid_lease", () => store.claim({ worker: "w-1", leaseMs: wrong }));
      await refused("invalid_lease", () => store.claim({ worker: "", leaseMs }));
      assert.equal((await claimNext(store)).run.attempt, 1);
    });
  });
}

/** The keys of the next inputs, each claimed and committed in turn. */
async function served(store: Store, count: number): Promise<string[]> {
  const keys = [];
  for (let n = 0; n < count; n += 1) {
    const claim = await claimNext(store);
    await commitOf(store, claim);
    keys.push(claim.input.key);
  }
  return keys;
}
