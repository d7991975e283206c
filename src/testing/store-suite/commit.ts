import assert from "node:assert/strict";
import { digestLines } from "../../core/run.ts";
import type { StoreTests } from "./harness.ts";
import { allChanges, appendTo, bodiesOf, keyed, logKey, plain, refused, sessionKey } from "./samples.ts";
import {
  admitTo,
  begin,
  claimNext,
  commitOf,
  counting,
  fenceOf,
  leaseMs,
  outcome,
  partsOf,
  sha256,
  stage,
  startMs,
  used,
  workSnapshot,
} from "./work-samples.ts";

const session = sessionKey();

/** The one boundary at which a run becomes the truth. */
export function commitTests({ describe, test }: StoreTests): void {
  describe("commit", () => {
    test("Shows all that the run has staged, byte for byte.", async (store) => {
      await appendTo(store, "s-1", plain(1, 2));
      const claim = await begin(store);
      await stage(store, claim, keyed(3, 5));
      await stage(store, claim, [{ body: '{"b":1,"a":"é"}' }], "subagents/a");
      await stage(store, claim, plain(1, 2), "@run/x");
      const own = [];
      for (const log of ["", "subagents/a", "@run/x"])
        own.push((await store.read({ log: logKey("s-1", log), run: claim.run.id })).entries);
      await commitOf(store, claim);
      for (const [n, log] of ["", "subagents/a", "@run/x"].entries()) {
        const { entries, head, committed } = await store.read({ log: logKey("s-1", log) });
        assert.deepEqual(entries, own[n]);
        assert.deepEqual([head, committed], [entries.length, entries.length]);
      }
      assert.deepEqual(
        (await store.logs(session)).map(({ log, head, committed, length }) => [log, head, committed, length]),
        [
          ["", 5, 5, 35],
          ["@run/x", 2, 2, 14],
          ["subagents/a", 1, 1, 15],
        ],
      );
    });

    test("Shows closers behind what was staged, folds and counts them, and knows the same request again.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 1));
      const claim = await begin(store);
      await stage(store, claim, keyed(2, 2));
      const parts = await partsOf(store, claim);
      const closers = [...keyed(1, 1), ...plain(3, 4)];
      const asked = { parts, closers, fold: counting };
      const { receipt } = await commitOf(store, claim, asked);
      assert.equal(receipt.entries, 3);
      assert.equal(receipt.digest, sha256(digestLines(parts, outcome, closers)));
      const bodies = [...keyed(1, 2), ...plain(3, 4)].map(({ body }) => body);
      assert.deepEqual(await bodiesOf(store, logKey("s-1")), bodies);
      assert.equal((await store.session(sessionKey("s-1")))?.title, "3 entries");
      assert.deepEqual(await commitOf(store, claim, asked), { receipt, alreadyCommitted: true });
      await refused("commit_conflict", () => commitOf(store, claim, { parts }));
      await refused("invalid_entry", () => commitOf(store, claim, { parts, closers: [{ body: "[]" }] }));
    });

    test("Writes the receipt: what became visible, and after which revision.", async (store, clock) => {
      clock.stopAt(startMs);
      await appendTo(store, "s-1", plain(1, 2));
      const claim = await begin(store);
      await stage(store, claim, plain(3, 5));
      await stage(store, claim, plain(1, 1), "@run/x");
      const parts = await partsOf(store, claim);
      clock.advance(1000);
      const { receipt, alreadyCommitted } = await commitOf(store, claim, { outcome: '{"b":1,"a":2}' });
      assert.equal(alreadyCommitted, false);
      assert.deepEqual(receipt, {
        run: claim.run.id,
        seq: 1,
        digest: sha256(digestLines(parts, '{"b":1,"a":2}')),
        entries: 4,
        revision: 1,
        input: claim.input.id,
        atMs: startMs + 1000,
      });
      assert.deepEqual(await store.run({ run: claim.run.id }), {
        ...claim.run,
        state: "committed",
        endedAtMs: startMs + 1000,
        outcome: '{"b":1,"a":2}',
        receipt,
      });
    });

    test("Consumes the input, ends the lease and frees the session.", async (store, clock) => {
      clock.stopAt(startMs);
      const claim = await begin(store);
      await admitTo(store, "s-1", "k-2");
      clock.advance(1000);
      await commitOf(store, claim);
      const input = (await store.inputs({ key: "k-1" }))[0];
      const consumed = { state: "consumed", updatedAtMs: startMs + 1000 };
      assert.deepEqual(input, { ...claim.input, ...consumed });
      assert.equal(await store.lease(session), null);
      const { epoch } = claim.lease;
      await refused("lease_lost", () => store.renewLease({ session, epoch, leaseMs }));
      assert.equal((await claimNext(store)).input.key, "k-2");
    });

    test("Counts the session as the appends would have done, and never Holdfast's own logs.", async (store, clock) => {
      clock.stopAt(startMs);
      const claim = await begin(store);
      await stage(store, claim, plain(1, 2));
      clock.advance(1000);
      await stage(store, claim, plain(1, 3), "subagents/a");
      clock.advance(1000);
      await stage(store, claim, plain(1, 9), "@run/x");
      clock.advance(1000);
      await commitOf(store, claim);
      const row = await store.session(session);
      assert.deepEqual(
        [row?.entries, row?.length, row?.mainHead, row?.updatedAtMs, row?.revision],
        [5, 35, 2, startMs + 1000, 1],
      );
      assert.deepEqual((await store.sessions()).sessions, [row]);
    });

    test("Moves the session to its place in the list.", async (store, clock) => {
      clock.stopAt(startMs);
      await appendTo(store, "s-1", plain(1, 1));
      clock.advance(1000);
      await appendTo(store, "s-2", plain(1, 1));
      clock.advance(1000);
      const claim = await begin(store);
      await stage(store, claim, plain(2, 2));
      await commitOf(store, claim);
      const first = await store.sessions({ limit: 1 });
      assert.equal(first.sessions[0]?.session, "s-1");
      const second = await store.sessions({ limit: 1, cursor: first.cursor! });
      assert.deepEqual([second.sessions[0]?.session, "cursor" in second], ["s-2", false]);
    });

    test("Writes a change row for each log in order of their names, and the run's behind them.", async (store, clock) => {
      clock.stopAt(startMs);
      await appendTo(store, "s-1", plain(1, 2));
      const claim = await begin(store);
      for (const log of ["subagents/a", "", "@run/x"]) await stage(store, claim, plain(3, 5), log);
      const { position } = await store.changes({ after: 0 });
      await commitOf(store, claim);
      const row = { ...session, atMs: startMs };
      assert.deepEqual((await allChanges(store)).slice(position), [
        { seq: position + 1, ...row, kind: "appended", log: "", from: 3, to: 5 },
        { seq: position + 2, ...row, kind: "appended", log: "@run/x", from: 1, to: 3 },
        { seq: position + 3, ...row, kind: "appended", log: "subagents/a", from: 1, to: 3 },
        { seq: position + 4, ...row, kind: "run", of: claim.run.id },
      ]);
    });

    test("Wakes who watches.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, plain(1, 1));
      const { position } = await store.changes({ after: 0 });
      const controller = new AbortController();
      const watching = store.watch({ after: position }, controller.signal)[Symbol.asyncIterator]().next();
      await commitOf(store, claim);
      assert.deepEqual((await watching).value, { position: position + 2 });
      controller.abort();
    });

    test("Of nothing staged is a commit too.", async (store) => {
      const first = await begin(store);
      const { receipt } = await commitOf(store, first);
      assert.deepEqual([receipt.entries, receipt.revision], [0, 1]);
      const row = await store.session(session);
      assert.deepEqual([row?.revision, row?.entries, row?.mainHead], [1, 0, 0]);
      const second = await begin(store, "s-1", "k-2");
      assert.equal(second.run.revision, 1);
      assert.equal((await commitOf(store, second)).receipt.revision, 2);
    });

    test("Raises the revision by one each time.", async (store) => {
      for (let n = 1; n <= 3; n += 1) {
        const claim = await begin(store, "s-1", `k-${n}`);
        await stage(store, claim, plain(n, n));
        const { receipt } = await commitOf(store, claim);
        assert.deepEqual([receipt.revision, receipt.seq], [n, 1]);
        assert.equal((await store.session(session))?.revision, n);
      }
      await appendTo(store, "s-1", plain(9, 9));
      assert.equal((await store.session(session))?.revision, 3);
    });

    test("Gives a new session the provider of its input, and an old one keeps its own.", async (store) => {
      await admitTo(store, "s-1", "k-1", { provider: "scripted" });
      const first = await claimNext(store);
      await stage(store, first, plain(1, 1));
      await commitOf(store, first);
      assert.equal((await store.session(session))?.provider, "scripted");
      await store.append({ log: logKey("s-2"), entries: plain(1, 1), provider: "codex" });
      await admitTo(store, "s-2", "k-1", { provider: "scripted" });
      const second = await claimNext(store);
      await stage(store, second, plain(2, 2));
      await commitOf(store, second);
      assert.equal((await store.session(sessionKey("s-2")))?.provider, "codex");
    });

    test("Brings a session back that its SDK had deleted.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      await store.drop({ session, actor: "sdk", sealed: false });
      const claim = await begin(store);
      const staging = { log: logKey(), entries: plain(7, 8), fence: fenceOf(claim.lease), run: claim.run.id };
      await store.append({ ...staging, reopen: "unsealed" });
      assert.equal(await store.session(session), null);
      assert.equal((await store.tombstone(session))?.actor, "sdk");
      await commitOf(store, claim);
      assert.equal(await store.tombstone(session), null);
      assert.equal((await store.session(session))?.entries, 2);
    });

    test("Folds what became visible in the main log, on top of what was there.", async (store) => {
      await store.append({ log: logKey(), entries: plain(1, 2), fold: counting });
      const claim = await begin(store);
      await stage(store, claim, plain(3, 4));
      await stage(store, claim, plain(5, 5));
      await stage(store, claim, plain(1, 7), "subagents/a");
      const seen: string[] = [];
      await commitOf(store, claim, {
        fold: (state, appended) => {
          seen.push(...appended.map(({ body }) => body));
          return counting(state, appended);
        },
      });
      assert.deepEqual(seen.slice(-3), ['{"n":3}', '{"n":4}', '{"n":5}']);
      const row = await store.session(session);
      assert.deepEqual([row?.summary, row?.title], ['{"count":5}', "5 entries"]);
    });

    test("Without a fold makes the summary stale; of other logs it folds nothing.", async (store) => {
      await store.append({ log: logKey(), entries: plain(1, 2), fold: counting });
      const first = await begin(store);
      await stage(store, first, plain(1, 2), "subagents/a");
      await commitOf(store, first, {
        fold: () => {
          throw new Error("There is nothing to fold.");
        },
      });
      assert.equal((await store.session(session))?.summary, '{"count":2}');
      const second = await begin(store, "s-1", "k-2");
      await stage(store, second, plain(3, 3));
      await commitOf(store, second);
      assert.equal((await store.session(session))?.summary, null);
    });

    test("Is undone whole by a fold that throws, and can be made again.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, plain(1, 2));
      const before = await workSnapshot(store);
      const fault = new Error("the fold broke");
      const fold = (): never => {
        throw fault;
      };
      const usage = [used("r-1", 1)];
      await assert.rejects(commitOf(store, claim, { fold, usage }), (error) => error === fault);
      assert.deepEqual(await workSnapshot(store), before);
      assert.equal((await commitOf(store, claim, { fold: counting, usage })).alreadyCommitted, false);
    });

    test("Counts the usage of its run once.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, plain(1, 1));
      const parts = await partsOf(store, claim);
      await store.recordUsage({ session, rows: [used("r-1", 1)] });
      const usage = [used("r-1", 1), used("r-2", 10), used("r-2", 10)];
      await commitOf(store, claim, { usage });
      await commitOf(store, claim, { usage, parts });
      const [group] = await store.usage({ by: "project" });
      assert.deepEqual([group?.responses, group?.tokens.input, group?.microDollars], [2, 11, 110]);
    });

    test("Keeps the token that the agent resumes with, and without one the last.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await store.describe({ session, resume: { key: "task-1", token: "t-0" } });
      for (const [key, more, token] of [
        ["k-1", { resumeToken: "t-1" }, "t-1"],
        ["k-2", {}, "t-1"],
        ["k-3", { resumeToken: "t-3" }, "t-3"],
      ] as const) {
        await commitOf(store, await begin(store, "s-1", key), more);
        const row = await store.session(session);
        assert.deepEqual([row?.resumeKey, row?.resumeToken], ["task-1", token]);
      }
    });

    test("Keeps the token of a session that is new with it.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, plain(1, 1));
      const parts = await partsOf(store, claim);
      await commitOf(store, claim, { resumeToken: "t-1" });
      assert.equal((await store.session(session))?.resumeToken, "t-1");
      await commitOf(store, claim, { parts, resumeToken: "t-2" });
      assert.equal((await store.session(session))?.resumeToken, "t-1");
    });

    test("Takes the parts in any order.", async (store) => {
      const claim = await begin(store);
      for (const log of ["", "a", "b"]) await stage(store, claim, plain(1, 2), log);
      const parts = await partsOf(store, claim);
      const { receipt } = await commitOf(store, claim, { parts: parts.toReversed() });
      assert.equal(receipt.digest, sha256(digestLines(parts, outcome)));
      const again = await commitOf(store, claim, { parts });
      assert.deepEqual(again, { receipt, alreadyCommitted: true });
    });

    test("Beside a reader shows all logs or none.", async (store) => {
      const claim = await begin(store);
      for (const log of ["", "subagents/a"]) await stage(store, claim, plain(1, 3), log);
      const parts = await partsOf(store, claim);
      const committing = commitOf(store, claim, { parts });
      const seen = new Set<string>();
      const look = async () => {
        const rows = await store.logs(session);
        seen.add(rows.map(({ log, head }) => `${log}:${head}`).join(" "));
      };
      for (let turn = 0; turn < 20; turn += 1) {
        await look();
        await new Promise((resolve) => setImmediate(resolve));
      }
      await committing;
      await look();
      seen.delete("");
      assert.deepEqual([...seen], [":3 subagents/a:3"]);
    });
  });
}
