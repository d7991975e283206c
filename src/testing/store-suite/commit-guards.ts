import assert from "node:assert/strict";
import { type CommitParams, digestLines, type TailPart } from "../../core/run.ts";
import type { StoreTests } from "./harness.ts";
import { appendTo, bodiesOf, keyed, logKey, plain, refused, sessionKey } from "./samples.ts";
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
  used,
  workSnapshot,
} from "./work-samples.ts";

const session = sessionKey();

/** Who may commit, what, and how often. */
export function commitGuardsTests({ describe, test }: StoreTests): void {
  describe("commit guards", () => {
    test("A commit made again answers with the same receipt and writes nothing, however late.", async (store, clock) => {
      clock.stopAt(startMs);
      const claim = await begin(store);
      await stage(store, claim, keyed(1, 2));
      const parts = await partsOf(store, claim);
      const { receipt } = await commitOf(store, claim);
      const again = () => commitOf(store, claim, { parts });
      assert.deepEqual(await again(), { receipt, alreadyCommitted: true });
      clock.advance(10 * leaseMs);
      const next = await begin(store, "s-1", "k-2");
      await stage(store, next, keyed(3, 3));
      const before = await workSnapshot(store);
      for (let n = 0; n < 3; n += 1) assert.deepEqual(await again(), { receipt, alreadyCommitted: true });
      assert.deepEqual(await workSnapshot(store), before);
    });

    test("A commit made again with anything else is a conflict, and writes nothing.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, keyed(1, 2));
      const [part] = await partsOf(store, claim);
      await commitOf(store, claim, { parts: [part!] });
      const before = await workSnapshot(store);
      const others: readonly Partial<CommitParams>[] = [
        { parts: [part!], outcome: '{"ok":false}' },
        { parts: [] },
        { parts: [{ ...part!, to: 1 }] },
        { parts: [{ ...part!, sha256: sha256("other") }] },
      ];
      for (const other of others) await refused("commit_conflict", () => commitOf(store, claim, other));
      assert.deepEqual(await workSnapshot(store), before);
    });

    test("A commit made many times at once happens once.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, plain(1, 2));
      const parts = await partsOf(store, claim);
      const results = await Promise.all(Array.from({ length: 6 }, () => commitOf(store, claim, { parts })));
      assert.equal(results.filter(({ alreadyCommitted }) => !alreadyCommitted).length, 1);
      for (const { receipt } of results) assert.deepEqual(receipt, results[0]!.receipt);
      assert.equal((await store.session(session))?.revision, 1);
      assert.equal((await store.session(session))?.entries, 2);
    });

    test("Commits made at once with different outcomes have one winner.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, plain(1, 2));
      const parts = await partsOf(store, claim);
      const commits = [1, 2, 3].map((n) => commitOf(store, claim, { parts, outcome: `{"n":${n}}` }));
      const outcomes = await Promise.allSettled(commits);
      const won = outcomes.filter((result) => result.status === "fulfilled");
      assert.equal(won.length, 1);
      const run = await store.run({ run: claim.run.id });
      assert.deepEqual(run?.receipt, won[0]!.value.receipt);
      assert.equal(run?.receipt?.digest, sha256(digestLines(parts, run!.outcome!)));
    });

    for (const [fault, wrong] of Object.entries(wrongParts)) {
      test(`A commit of parts that ${fault} is refused, and changes nothing.`, async (store) => {
        const claim = await begin(store);
        await stage(store, claim, keyed(1, 3));
        await stage(store, claim, plain(1, 2), "subagents/a");
        const parts = wrong(await partsOf(store, claim));
        const before = await workSnapshot(store);
        await refused("tail_mismatch", () => commitOf(store, claim, { parts, usage: [used("r-1", 1)] }));
        assert.deepEqual(await workSnapshot(store), before);
        assert.equal((await commitOf(store, claim)).alreadyCommitted, false);
      });
    }

    test("A commit of parts that lack what was staged since is refused.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, plain(1, 1));
      const parts = await partsOf(store, claim);
      await stage(store, claim, plain(2, 2));
      await refused("tail_mismatch", () => commitOf(store, claim, { parts }));
      await stage(store, claim, plain(1, 1), "@run/x");
      await refused("tail_mismatch", () => commitOf(store, claim, { parts }));
      assert.deepEqual(await bodiesOf(store, logKey()), []);
    });

    test("A commit of a lease that has ended is refused, and changes nothing.", async (store, clock) => {
      clock.stopAt(startMs);
      const claim = await begin(store);
      await stage(store, claim, plain(1, 2));
      const before = async (commit: () => Promise<unknown>) => {
        const state = await workSnapshot(store);
        await refused("lease_lost", commit);
        assert.deepEqual(await workSnapshot(store), state);
      };
      for (const epoch of [claim.lease.epoch - 1, claim.lease.epoch + 1])
        await before(() => commitOf(store, claim, { epoch }));
      clock.advance(leaseMs);
      await before(() => commitOf(store, claim));
      await store.clearLease({ session, actor: "ops" });
      await before(() => commitOf(store, claim));
    });

    test("A commit of a run that another holder has taken over is his to make.", async (store, clock) => {
      clock.stopAt(startMs);
      const claim = await begin(store);
      await stage(store, claim, plain(1, 2));
      clock.advance(leaseMs);
      const taken = await takeOver(store, claim);
      const { receipt } = await commitOf(store, taken);
      assert.equal(receipt.entries, 2);
      assert.equal(await store.lease(session), null);
      assert.equal((await store.run({ run: claim.run.id }))?.epoch, claim.lease.epoch);
    });

    test("A commit of a held run is possible under a new lease.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, plain(1, 2));
      await endOf(store, claim, "held");
      await refused("lease_lost", () => commitOf(store, claim));
      await commitOf(store, await takeOver(store, claim));
      assert.equal((await bodiesOf(store, logKey())).length, 2);
      assert.equal((await store.inputs({ session }))[0]?.state, "consumed");
    });

    test("A commit of a run that ended otherwise is refused.", async (store) => {
      for (const as of ["interrupted", "discarded"] as const) {
        const claim = await begin(store, as);
        await stage(store, claim, plain(1, 2));
        const parts = await partsOf(store, claim);
        await endOf(store, claim, as);
        const taken = await takeOver(store, claim);
        const before = await workSnapshot(store, as);
        for (const each of [parts, []])
          await refused("run_closed", () => commitOf(store, taken, { parts: each }));
        assert.deepEqual(await workSnapshot(store, as), before);
      }
    });

    test("A commit of a run that the session does not have is refused.", async (store) => {
      const claim = await begin(store);
      const other = await begin(store, "s-2");
      await refused("run_unknown", () => commitOf(store, claim, { run: "none", parts: [] }));
      await refused("run_unknown", () => commitOf(store, claim, { run: other.run.id, parts: [] }));
      await commitOf(store, other);
      await refused("run_unknown", () => commitOf(store, claim, { run: other.run.id, parts: [] }));
      assert.equal((await store.run({ run: claim.run.id }))?.state, "running");
    });

    test("A commit that is refused takes none of those with it that wait at the same moment.", async (store) => {
      const good = await begin(store, "s-1");
      const bad = await begin(store, "s-2");
      for (const claim of [good, bad]) await stage(store, claim, plain(1, 2));
      const parts = await partsOf(store, good);
      const outcomes = await Promise.allSettled([
        appendTo(store, "s-3", plain(1, 1)),
        commitOf(store, bad, { parts: [] }),
        commitOf(store, good, { parts }),
        store.claim({ worker: "w-2", leaseMs, session: "s-2" }),
        admitTo(store, "s-4", "k-1"),
      ]);
      const states = outcomes.map(({ status }) => status === "fulfilled");
      assert.deepEqual(states, [true, false, true, true, true]);
      assert.equal((await store.run({ run: bad.run.id }))?.state, "running");
      assert.equal((await bodiesOf(store, logKey("s-1"))).length, 2);
      assert.equal((await store.inputs({ session: sessionKey("s-4") })).length, 1);
    });
  });
}

type WrongParts = (parts: readonly TailPart[]) => TailPart[];

const wrongParts: Readonly<Record<string, WrongParts>> = {
  "lack one log": ([first]) => [first!],
  "lack all": () => [],
  "name a log that has none": (parts) => [...parts, { ...parts[0]!, log: "other" }],
  "name a log twice": (parts) => [...parts, parts[1]!],
  "end too early": ([first, second]) => [{ ...first!, to: 2 }, second!],
  "end too late": ([first, second]) => [{ ...first!, to: 4 }, second!],
  "begin too late": ([first, second]) => [{ ...first!, from: 2 }, second!],
  "have another hash": ([first, second]) => [first!, { ...second!, sha256: sha256("other") }],
};
