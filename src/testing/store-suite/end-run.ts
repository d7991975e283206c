import assert from "node:assert/strict";
import { discardedLog } from "../../core/run.ts";
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
  admitTo,
  begin,
  claimNext,
  commitOf,
  counting,
  endOf,
  leaseMs,
  partsOf,
  stage,
  startMs,
  takeOver,
  used,
  workSnapshot,
} from "./work-samples.ts";

const session = sessionKey();
const endings = ["interrupted", "discarded", "held"] as const;
const closers = [{ body: '{"closed":1}', uuid: "c-1" }, { body: '{"closed":2}' }];

/** Ending a run without a commit of its own making. */
export function endRunTests({ describe, test }: StoreTests): void {
  describe("endRun", () => {
    for (const as of endings) {
      const verb = `run_${as}` as const;
      const kept = as === "held";

      test(`As ${as} ends the lease, tells what became of run and input, and is on record.`, async (store, clock) => {
        clock.stopAt(startMs);
        const claim = await begin(store);
        await stage(store, claim, plain(1, 2));
        clock.advance(1000);
        const now = startMs + 1000;
        const result = await endOf(store, claim, as, { reason: "why", actor: "ops" });
        const { run, input, alreadyClosed } = result;
        assert.deepEqual([run.state, run.reason, alreadyClosed], [as, "why", false]);
        if (!kept) assert.equal(run.endedAtMs, now);
        assert.deepEqual(["receipt" in run, "outcome" in run], [false, false]);
        assert.equal(input.state, kept ? "running" : "queued");
        assert.deepEqual([input.id, input.attempts, input.run], [claim.input.id, 1, claim.run.id]);
        assert.deepEqual(await store.run({ run: run.id }), run);
        assert.deepEqual(await store.inputs({ session }), [input]);
        assert.equal(await store.lease(session), null);
        const { epoch } = claim.lease;
        await refused("lease_lost", () => store.renewLease({ session, epoch, leaseMs }));
        const row = onlyOf(await store.audit());
        const told = { ...session, atMs: now, actor: "ops", verb, run: run.id, reason: "why" };
        assert.deepEqual(row, { seq: row.seq, ...told });
      });

      test(`As ${as} counts what was used, once: it is paid for.`, async (store) => {
        const claim = await begin(store);
        await stage(store, claim, plain(1, 2));
        const parts = await partsOf(store, claim);
        const usage = [used("r-1", 1), used("r-2", 10)];
        await refused("tail_mismatch", () => endOf(store, claim, as, { parts: [], usage }));
        assert.deepEqual(await store.usage({ by: "project" }), []);
        for (let n = 0; n < 2; n += 1)
          await endOf(store, claim, as, { parts, usage: [...usage, used(`r-${n}`, 1)] });
        const [group] = await store.usage({ by: "project" });
        assert.deepEqual([group?.responses, group?.tokens.input], [3, 12]);
      });

      test(`As ${as} keeps the agent's token only where the entries are kept.`, async (store) => {
        await appendTo(store, "s-1", plain(1, 1));
        await store.describe({ session, resume: { key: "task-1", token: "t-0" } });
        const claim = await begin(store);
        await stage(store, claim, plain(2, 2));
        await endOf(store, claim, as, { resumeToken: "t-1" });
        const row = await store.session(session);
        assert.deepEqual(
          [row?.resumeKey, row?.resumeToken],
          ["task-1", as === "interrupted" ? "t-1" : "t-0"],
        );
      });

      test(`As ${as} of a run that has staged nothing is possible.`, async (store) => {
        await appendTo(store, "s-1", plain(1, 2));
        const row = await store.session(session);
        const claim = await begin(store);
        assert.equal((await endOf(store, claim, as)).run.state, as);
        assert.deepEqual(await store.session(session), row);
        assert.equal((await bodiesOf(store, logKey())).length, 2);
      });
    }

    test("As interrupted shows what was staged, with the closers behind it, and no revision of its own.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const claim = await begin(store);
      await stage(store, claim, keyed(2, 3));
      await stage(store, claim, plain(1, 2), "@run/x");
      const { position } = await store.changes({ after: 0 });
      await endOf(store, claim, "interrupted", { closers });
      const { entries, head, committed } = await store.read({ log: logKey() });
      assert.deepEqual(
        entries.map(({ seq, uuid, body }) => [seq, uuid, body]),
        [
          [1, undefined, '{"n":1}'],
          [2, "u-2", '{"n":2}'],
          [3, "u-3", '{"n":3}'],
          [4, "c-1", '{"closed":1}'],
          [5, undefined, '{"closed":2}'],
        ],
      );
      assert.deepEqual([head, committed], [5, 5]);
      assert.equal((await bodiesOf(store, logKey("s-1", "@run/x"))).length, 2);
      const row = await store.session(session);
      assert.deepEqual([row?.entries, row?.mainHead, row?.revision, row?.length], [5, 5, 0, 45]);
      const changes = (await allChanges(store)).slice(position);
      assert.deepEqual(rangesOf(changes), { "": [2, 5], "@run/x": [1, 2] });
      assert.deepEqual([changes.at(-1)?.kind, changes.at(-1)?.of], ["run", claim.run.id]);
      assert.equal(changes.filter(({ kind }) => kind === "run").length, 1);
    });

    test("As interrupted takes closers where the main log has nothing staged.", async (store) => {
      await store.append({ log: logKey(), entries: plain(1, 2), fold: counting });
      const claim = await begin(store);
      await stage(store, claim, plain(1, 1), "@run/x");
      await endOf(store, claim, "interrupted", { closers, fold: counting });
      assert.deepEqual((await bodiesOf(store, logKey())).slice(2), ['{"closed":1}', '{"closed":2}']);
      const row = await store.session(session);
      assert.deepEqual([row?.mainHead, row?.summary], [4, '{"count":4}']);
    });

    test("As interrupted shows the session of a run that has told of itself and written nothing else.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, plain(1, 2), "@run/x");
      assert.equal(await store.session(session), null);
      await endOf(store, claim, "interrupted");
      const row = await store.session(session);
      assert.deepEqual([row?.entries, row?.mainHead, row?.revision], [0, 0, 0]);
      assert.deepEqual((await store.sessions()).sessions, [row]);
      assert.equal((await store.logs(session)).length, 1);
      await appendTo(store, "s-1", plain(1, 1));
      assert.equal((await store.session(session))?.entries, 1);
    });

    test("As interrupted takes a closer once, though its uuid was staged or committed.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 1));
      const claim = await begin(store);
      await stage(store, claim, keyed(2, 2));
      await endOf(store, claim, "interrupted", { closers: [...keyed(1, 3), ...keyed(3, 3)] });
      assert.deepEqual(await bodiesOf(store, logKey()), ['{"n":1}', '{"n":2}', '{"n":3}']);
      assert.equal((await appendTo(store, "s-1", keyed(3, 4))).appended, 1);
    });

    test("As interrupted folds what was staged and what closes it.", async (store) => {
      await store.append({ log: logKey(), entries: plain(1, 2), fold: counting });
      const claim = await begin(store);
      await stage(store, claim, plain(3, 5));
      await endOf(store, claim, "interrupted", { closers, fold: counting });
      const row = await store.session(session);
      assert.deepEqual([row?.summary, row?.title], ['{"count":7}', "7 entries"]);
    });

    test("As interrupted is undone whole by a fold that throws, and by a closer that is no entry.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, plain(1, 2));
      const before = await workSnapshot(store);
      const fault = new Error("the fold broke");
      const fold = (): never => {
        throw fault;
      };
      await assert.rejects(endOf(store, claim, "interrupted", { closers, fold }), (error) => error === fault);
      const broken = [...closers, { body: "[]" }];
      await refused("invalid_entry", () => endOf(store, claim, "interrupted", { closers: broken }));
      assert.deepEqual(await workSnapshot(store), before);
      assert.equal((await endOf(store, claim, "interrupted", { closers })).alreadyClosed, false);
    });

    test("As discarded leaves every log exactly as it was before the run.", async (store) => {
      await store.append({ log: logKey(), entries: keyed(1, 2), fold: counting });
      await store.append({ log: logKey("s-1", "subagents/a"), entries: plain(1, 1) });
      const row = await store.session(session);
      const logs = await store.logs(session);
      const read = await store.read({ log: logKey() });
      const claim = await begin(store);
      await stage(store, claim, keyed(3, 5));
      await stage(store, claim, plain(2, 9), "subagents/a");
      const empty = await store.read({ log: logKey("s-1", "subagents/new") });
      await stage(store, claim, plain(1, 2), "subagents/new");
      await endOf(store, claim, "discarded", { closers });
      assert.deepEqual(await store.read({ log: logKey() }), read);
      assert.equal((await bodiesOf(store, logKey("s-1", "subagents/a"))).length, 1);
      assert.deepEqual(await store.read({ log: logKey("s-1", "subagents/new") }), empty);
      assert.deepEqual(await store.session(session), row);
      const own = (await store.logs(session)).filter(({ log }) => !log.startsWith("@"));
      assert.deepEqual(own, logs);
    });

    test("As discarded keeps what was staged in logs of its own.", async (store, clock) => {
      clock.stopAt(startMs);
      await appendTo(store, "s-1", plain(1, 2));
      const claim = await begin(store);
      const run = claim.run.id;
      await stage(store, claim, keyed(3, 3));
      clock.advance(1000);
      await stage(store, claim, plain(4, 4));
      await stage(store, claim, plain(1, 2), `@run/${run}`);
      const { position } = await store.changes({ after: 0 });
      await endOf(store, claim, "discarded");
      const kept = await store.read({ log: logKey("s-1", discardedLog(run, "")) });
      assert.deepEqual(kept.entries, [
        { seq: 1, atMs: startMs, uuid: "u-3", body: '{"n":3}' },
        { seq: 2, atMs: startMs + 1000, body: '{"n":4}' },
      ]);
      assert.deepEqual([kept.head, kept.committed], [2, 2]);
      assert.equal((await bodiesOf(store, logKey("s-1", discardedLog(run, `@run/${run}`)))).length, 2);
      assert.deepEqual(await bodiesOf(store, logKey("s-1", `@run/${run}`)), []);
      assert.deepEqual(
        (await store.logs(session)).map(({ log, head, committed, length }) => [log, head, committed, length]),
        [
          ["", 2, 2, 14],
          [discardedLog(run, ""), 2, 2, 14],
          [discardedLog(run, `@run/${run}`), 2, 2, 14],
        ],
      );
      const changes = (await allChanges(store)).slice(position);
      assert.deepEqual(
        changes.map(({ kind, of }) => [kind, of]),
        [["run", run]],
      );
    });

    test("As discarded makes no session of a run that was its first, and keeps what it had staged.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, keyed(1, 2));
      await endOf(store, claim, "discarded", { requeue: false });
      assert.equal(await store.session(session), null);
      assert.deepEqual(await store.sessions(), { sessions: [] });
      assert.deepEqual(await bodiesOf(store, logKey("s-1", discardedLog(claim.run.id, ""))), [
        '{"n":1}',
        '{"n":2}',
      ]);
      assert.equal((await appendTo(store, "s-1", keyed(1, 1))).appended, 1);
      assert.equal((await store.session(session))?.entries, 1);
    });

    test("As discarded lets the log go on where it was, with the same uuids.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 2));
      const claim = await begin(store);
      await stage(store, claim, keyed(3, 4));
      await endOf(store, claim, "discarded");
      const plainly = await appendTo(store, "s-1", keyed(1, 3));
      assert.deepEqual([plainly.from, plainly.to, plainly.appended, plainly.committed], [3, 3, 1, 3]);
      const again = await claimNext(store);
      const staged = await stage(store, again, keyed(3, 4));
      assert.deepEqual([staged.from, staged.appended, staged.duplicates], [4, 1, 1]);
      await commitOf(store, again);
      assert.equal((await bodiesOf(store, logKey())).length, 4);
    });

    test("As discarded counts nothing of the run, neither then nor with the next one.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 2));
      const claim = await begin(store);
      await stage(store, claim, keyed(3, 5));
      await endOf(store, claim, "discarded");
      const again = await claimNext(store);
      await stage(store, again, plain(6, 8));
      await commitOf(store, again);
      const row = await store.session(session);
      assert.deepEqual([row?.entries, row?.length, row?.mainHead], [5, 35, 5]);
      assert.equal((await store.logs(session))[0]?.length, 35);
      const late = await appendTo(store, "s-1", keyed(3, 5));
      assert.deepEqual([late.from, late.appended, late.duplicates], [6, 3, 0]);
    });

    test("As discarded of one run leaves what another one discarded.", async (store) => {
      const runs = [];
      for (let n = 1; n <= 2; n += 1) {
        const claim = n === 1 ? await begin(store) : await claimNext(store);
        await stage(store, claim, plain(n, n));
        await endOf(store, claim, "discarded");
        runs.push(claim.run.id);
      }
      for (const [n, run] of runs.entries())
        assert.deepEqual(await bodiesOf(store, logKey("s-1", discardedLog(run, ""))), [`{"n":${n + 1}}`]);
    });

    test("As held leaves all as it was, and an operator decides.", async (store) => {
      for (const verdict of ["committed", "interrupted", "discarded"] as const) {
        const claim = await begin(store, verdict);
        await stage(store, claim, plain(1, 2));
        const parts = await partsOf(store, claim);
        await endOf(store, claim, "held");
        const held = (await store.run({ run: claim.run.id }))!;
        assert.deepEqual([held.state, "endedAtMs" in held], ["held", false]);
        assert.deepEqual(await partsOf(store, claim), parts);
        assert.equal(await store.session(sessionKey(verdict)), null);
        assert.equal(await store.claim({ worker: "w-2", leaseMs, session: verdict }), null);
        const taken = await takeOver(store, claim, "operator");
        if (verdict === "committed") await commitOf(store, taken);
        else await endOf(store, taken, verdict);
        assert.equal((await store.run({ run: claim.run.id }))?.state, verdict);
        assert.equal((await bodiesOf(store, logKey(verdict))).length, verdict === "discarded" ? 0 : 2);
        assert.equal(await store.lease(sessionKey(verdict)), null);
      }
    });

    for (const as of ["interrupted", "discarded"] as const) {
      test(`As ${as} puts the input back to its place.`, async (store) => {
        const claim = await begin(store);
        await admitTo(store, "s-1", "k-2");
        await endOf(store, claim, as);
        const again = await claimNext(store);
        assert.deepEqual([again.input.key, again.run.attempt], ["k-1", 2]);
        assert.ok(again.lease.epoch > claim.lease.epoch);
      });

      test(`As ${as} gives an input up where that is asked, with the reason.`, async (store) => {
        const claim = await begin(store);
        await admitTo(store, "s-1", "k-2");
        const { input } = await endOf(store, claim, as, { requeue: false, reason: "no use" });
        assert.deepEqual([input.state, input.reason], ["abandoned", "no use"]);
        assert.equal((await claimNext(store)).input.key, "k-2");
      });

      test(`As ${as} uncounted puts the input back as if it had not been tried, under a new run.`, async (store) => {
        const ids = [];
        await admitTo(store, "s-1", "k-1");
        for (const requeue of [true, "uncounted", true, "uncounted", true] as const) {
          const claim = await claimNext(store);
          ids.push(claim.run.id);
          await endOf(store, claim, as, { requeue });
        }
        const { id, state, attempts } = (await store.inputs({ key: "k-1" }))[0]!;
        assert.deepEqual([ids, state, attempts], [[1, 2, 3, 4, 5].map((n) => `${id}.${n}`), "abandoned", 3]);
      });

      test(`As ${as} uncounted ends an input whose cancel was asked for.`, async (store) => {
        const claim = await begin(store);
        await store.cancel({ session: sessionKey("s-1"), input: claim.input.id, actor: "tester" });
        const { input } = await endOf(store, claim, as, { requeue: "uncounted" });
        assert.equal(input.state, "cancelled");
      });

      test(`As ${as} gives an input up after its third run, and serves those behind it.`, async (store) => {
        await admitTo(store, "s-1", "poison", { priority: 9 });
        await admitTo(store, "s-1", "good");
        const ids = [];
        for (const state of ["queued", "queued", "abandoned"]) {
          const claim = await claimNext(store);
          assert.equal(claim.input.key, "poison");
          const ended = await endOf(store, claim, as);
          assert.equal(ended.input.state, state);
          ids.push(ended.run.id);
        }
        const { id, attempts } = (await store.inputs({ key: "poison" }))[0]!;
        assert.deepEqual([ids, attempts], [[1, 2, 3].map((n) => `${id}.${n}`), 3]);
        assert.equal((await claimNext(store)).input.key, "good");
      });
    }
  });
}

/** The range that the `appended` rows of each log cover, which must touch. */
function rangesOf(changes: Awaited<ReturnType<typeof allChanges>>): Record<string, number[]> {
  const ranges: Record<string, number[]> = {};
  for (const { kind, log, from, to } of changes) {
    if (kind !== "appended") continue;
    const range = (ranges[log!] ??= [from!, from! - 1]);
    assert.equal(from, range[1]! + 1);
    range[1] = to!;
  }
  return ranges;
}
