import assert from "node:assert/strict";
import type { Store } from "../../core/store.ts";
import type { StoreTests } from "./harness.ts";
import {
  allChanges,
  allSessions,
  appendTo,
  bodiesOf,
  gather,
  keyed,
  logKey,
  namesOf,
  plain,
  refused,
  sessionKey,
  textOf,
} from "./samples.ts";
import {
  admitTo,
  begin,
  commitOf,
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

/** What a run writes before its boundary: durable, and hidden from everyone else. */
export function stagedTests({ describe, test }: StoreTests): void {
  describe("staged", () => {
    test("Entries follow the head, and move no committed end.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      const claim = await begin(store);
      const first = await stage(store, claim, plain(4, 5));
      assert.deepEqual(first, { from: 4, to: 5, appended: 2, duplicates: 0, committed: 3 });
      const second = await stage(store, claim, plain(6, 6));
      assert.deepEqual(second, { from: 6, to: 6, appended: 1, duplicates: 0, committed: 3 });
      const other = await stage(store, claim, plain(1, 1), "@run/x");
      assert.deepEqual([other.from, other.to, other.committed], [1, 1, 0]);
    });

    test("Entries of a new session show nothing of it anywhere.", async (store) => {
      await appendTo(store, "s-0", plain(1, 1));
      const claim = await begin(store);
      const { position } = await store.changes({ after: 0 });
      for (const log of ["", "subagents/a", `@run/${claim.run.id}`])
        await stage(store, claim, keyed(1, 3), log);
      assert.equal(await store.session(session), null);
      assert.deepEqual(namesOf(await allSessions(store)), ["s-0"]);
      assert.deepEqual(namesOf(await allSessions(store, { filter: { sessionPrefix: "s-1" } })), []);
      assert.deepEqual(await store.logs(session), []);
      for (const log of ["", "subagents/a", `@run/${claim.run.id}`]) await showsNothing(store, log);
      assert.equal((await store.changes({ after: 0 })).position, position);
      assert.equal(await store.tombstone(session), null);
    });

    test("Sessions leave no gap in the pages of the list.", async (store) => {
      for (let n = 0; n < 4; n += 1) await appendTo(store, `s-${n}`, plain(1, 1));
      for (let n = 0; n < 4; n += 1) await stage(store, await begin(store, `hidden-${n}`), plain(1, 1));
      const first = await store.sessions({ limit: 2 });
      const second = await store.sessions({ limit: 2, cursor: first.cursor! });
      assert.deepEqual([first.sessions.length, second.sessions.length, "cursor" in second], [2, 2, false]);
    });

    test("Entries change no row of a session that there is, and not its place in the list.", async (store, clock) => {
      clock.stopAt(startMs);
      await store.append({ log: logKey(), entries: keyed(1, 2) });
      await store.append({ log: logKey("s-1", "subagents/a"), entries: keyed(1, 1) });
      clock.advance(1000);
      await appendTo(store, "s-2", plain(1, 1));
      const claim = await begin(store);
      const see = async () => ({
        row: await store.session(session),
        logs: await store.logs(session),
        read: await store.read({ log: logKey() }),
        changes: await allChanges(store),
        list: (await store.sessions()).sessions,
      });
      const before = await see();
      clock.advance(1000);
      for (const log of ["", "subagents/a", "subagents/new", "@run/x"])
        await stage(store, claim, keyed(3, 5), log);
      assert.deepEqual(await see(), before);
      assert.deepEqual(namesOf(before.list), ["s-2", "s-1"]);
    });

    test("Entries are never folded before their boundary.", async (store) => {
      const { run, lease } = await begin(store);
      const fold = (): never => {
        throw new Error("What is staged must not be folded.");
      };
      const staging = { log: logKey(), entries: plain(1, 2), fence: fenceOf(lease), run: run.id, fold };
      assert.equal((await store.append(staging)).appended, 2);
    });

    test("Entries are read by the run's own timeline, in any window.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      const claim = await begin(store);
      await stage(store, claim, keyed(4, 6));
      const run = claim.run.id;
      const read = async (params: object) => {
        const { entries, head, committed } = await store.read({ log: logKey(), run, ...params });
        assert.deepEqual([head, committed], [6, 3]);
        return entries.map(({ seq }) => seq);
      };
      assert.deepEqual(await read({}), [1, 2, 3, 4, 5, 6]);
      assert.deepEqual(await read({ after: 3 }), [4, 5, 6]);
      assert.deepEqual(await read({ after: 6 }), []);
      assert.deepEqual(await read({ after: 2, limit: 3 }), [3, 4, 5]);
      assert.deepEqual(await read({ order: "desc", limit: 4 }), [6, 5, 4, 3]);
      assert.deepEqual(await read({ order: "desc", after: 5, limit: 2 }), [4, 3]);
      await refused("cursor_ahead", () => store.read({ log: logKey(), run, after: 7 }));
      const { entries } = await store.read({ log: logKey(), run, after: 3, limit: 1 });
      const { atMs } = entries[0]!;
      assert.deepEqual(entries, [{ seq: 4, atMs, uuid: "u-4", body: '{"n":4}' }]);
    });

    test("Entries are read by their run while it is held too.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, plain(1, 2));
      await endOf(store, claim, "held");
      const { entries } = await store.read({ log: logKey(), run: claim.run.id });
      assert.equal(entries.length, 2);
      await showsNothing(store, "");
    });

    test("Entries behind the committed ones are ahead of every reader but the run's own.", async (store) => {
      await appendTo(store, "s-1", plain(1, 3));
      const claim = await begin(store);
      await stage(store, claim, plain(4, 9));
      const { head, committed, entries } = await store.read({ log: logKey() });
      assert.deepEqual([head, committed, entries.length], [3, 3, 3]);
      const error = await refused("cursor_ahead", () => store.read({ log: logKey(), after: 4 }));
      assert.deepEqual([error.data["after"], error.data["last"]], [4, 3]);
      await refused("cursor_ahead", () => gather(store.scan({ log: logKey(), after: 4 })));
      const tail = await store.read({ log: logKey(), order: "desc", limit: 2 });
      assert.deepEqual(
        tail.entries.map(({ seq }) => seq),
        [3, 2],
      );
      const behind = await store.read({ log: logKey(), order: "desc", after: 6 }).catch(() => undefined);
      assert.ok(behind === undefined || behind.entries.every(({ seq }) => seq <= 3));
      assert.equal(textOf(await gather(store.scan({ log: logKey(), after: 1 }))), '{"n":2}\n{"n":3}\n');
    });

    test("Entries of one run are not read by another one, nor after its end.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, plain(1, 2));
      const other = await begin(store, "s-2");
      for (const run of ["none", other.run.id])
        await refused("run_unknown", () => store.read({ log: logKey(), run }));
      await commitOf(store, claim);
      await refused("run_closed", () => store.read({ log: logKey(), run: claim.run.id }));
      const next = await begin(store, "s-1", "k-2");
      await stage(store, next, plain(3, 3));
      await refused("run_closed", () => store.read({ log: logKey(), run: claim.run.id }));
    });

    test("Entries need the fence of their run.", async (store) => {
      const { run, lease } = await begin(store);
      const staging = { log: logKey(), entries: plain(1, 1), run: run.id };
      const error = await refused("lease_lost", () => store.append(staging));
      assert.equal(error.data["epoch"], 0);
      const fence = { epoch: lease.epoch + 1 };
      await refused("lease_lost", () => store.append({ ...staging, fence }));
      assert.deepEqual(await partsOf(store, { run }), []);
    });

    test("Entries are refused for a run that is not the session's own.", async (store) => {
      const { lease } = await begin(store);
      const other = await begin(store, "s-2");
      const fence = fenceOf(lease);
      for (const run of ["none", other.run.id])
        await refused("run_unknown", () => store.append({ log: logKey(), entries: plain(1, 1), fence, run }));
      assert.deepEqual(await partsOf(store, other), []);
      assert.equal(await store.session(session), null);
    });

    test("Entries are refused for a run that has ended, also under a new lease.", async (store) => {
      for (const as of ["interrupted", "discarded", "held"] as const) {
        const claim = await begin(store, as);
        await stage(store, claim, plain(1, 1));
        await endOf(store, claim, as);
        const again = await takeOver(store, claim);
        const before = await workSnapshot(store, as);
        await refused("run_closed", () => stage(store, again, plain(2, 2)));
        assert.deepEqual(await workSnapshot(store, as), before);
      }
      const claim = await begin(store);
      await commitOf(store, claim);
      const again = await takeOver(store, claim);
      await refused("run_closed", () => stage(store, again, plain(2, 2)));
      assert.equal(await store.session(sessionKey("none")), null);
    });

    test("Entries are refused of whoever took over a run that is still open: its log is evidence now.", async (store, clock) => {
      clock.stopAt(startMs);
      const claim = await begin(store);
      await stage(store, claim, plain(1, 1));
      clock.advance(leaseMs);
      const taken = await takeOver(store, claim);
      await refused("run_closed", () => stage(store, taken, plain(2, 2)));
      assert.equal((await partsOf(store, claim))[0]?.to, 1);
    });

    test("Entries keep out who writes without the run, with or without a fence, and name its worker.", async (store, clock) => {
      clock.stopAt(startMs);
      await appendTo(store, "s-1", plain(1, 1));
      const claim = await begin(store);
      await stage(store, claim, plain(2, 2));
      const before = await workSnapshot(store);
      const write = { log: logKey(), entries: plain(9, 9) };
      for (const more of [{}, { fence: fenceOf(claim.lease) }]) {
        const error = await refused("session_busy", () => store.append({ ...write, ...more }));
        const { owner, sinceMs, untilMs } = error.data;
        assert.deepEqual([owner, sinceMs, untilMs], ["w-1", startMs, startMs + leaseMs]);
      }
      assert.deepEqual(await workSnapshot(store), before);
      await endOf(store, claim, "held");
      const error = await refused("session_busy", () => store.append(write));
      assert.deepEqual([error.data["owner"], error.data["untilMs"]], ["w-1", startMs]);
    });

    test("Logs alone are closed to others: the session's other logs go on, and commit at once.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, plain(1, 2));
      const log = logKey("s-1", "subagents/a");
      assert.equal((await store.append({ log, entries: plain(1, 2) })).committed, 2);
      assert.deepEqual(await bodiesOf(store, log), ['{"n":1}', '{"n":2}']);
      assert.deepEqual(
        (await store.logs(session)).map((row) => [row.log, row.head]),
        [["subagents/a", 2]],
      );
      const row = await store.session(session);
      assert.deepEqual([row?.entries, row?.mainHead, row?.length], [2, 0, 14]);
      await showsNothing(store, "");
      assert.deepEqual(
        (await partsOf(store, claim)).map((part) => part.log),
        [""],
      );
    });

    test("Uuids count as known, those that are committed too.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 2));
      const claim = await begin(store);
      const first = await stage(store, claim, keyed(1, 4));
      assert.deepEqual([first.from, first.to, first.appended, first.duplicates], [3, 4, 2, 2]);
      const again = await stage(store, claim, keyed(3, 4));
      assert.deepEqual([again.appended, again.duplicates, again.committed], [0, 2, 2]);
      await commitOf(store, claim);
      const late = await appendTo(store, "s-1", keyed(1, 4));
      assert.deepEqual([late.appended, late.duplicates], [0, 4]);
    });

    test("Entries count for the head that an append expects.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const { run, lease } = await begin(store);
      const staging = { log: logKey(), fence: fenceOf(lease), run: run.id };
      await store.append({ ...staging, entries: plain(2, 2), expectHead: 1 });
      await refused("head_conflict", () => store.append({ ...staging, entries: plain(3, 3), expectHead: 1 }));
      assert.equal((await store.append({ ...staging, entries: plain(3, 3), expectHead: 2 })).to, 3);
    });

    test("Batches are refused whole.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, keyed(1, 1));
      const parts = await partsOf(store, claim);
      await refused("invalid_entry", () => stage(store, claim, [...keyed(2, 3), { body: "[]" }]));
      assert.deepEqual(await partsOf(store, claim), parts);
      assert.equal((await stage(store, claim, keyed(2, 3))).appended, 2);
    });

    test("Entries wake nobody.", async (store) => {
      const claim = await begin(store);
      const { position } = await store.changes({ after: 0 });
      const controller = new AbortController();
      const watching = store.watch({ after: position }, controller.signal)[Symbol.asyncIterator]().next();
      await stage(store, claim, plain(1, 2));
      await admitTo(store, "s-9", "the first change since");
      assert.deepEqual((await watching).value, { position: position + 1 });
      controller.abort();
    });

    test("Logs cannot be dropped alone.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await store.append({ log: logKey("s-1", "subagents/a"), entries: plain(1, 1) });
      const claim = await begin(store);
      await stage(store, claim, plain(2, 2));
      const before = await workSnapshot(store);
      await refused("session_busy", () => store.drop({ session, log: "", actor: "test" }));
      assert.deepEqual(await workSnapshot(store), before);
      assert.equal((await store.drop({ session, log: "subagents/a", actor: "test" })).dropped, true);
    });

    test("Entries go with their session, and so do its runs.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const claim = await begin(store);
      await stage(store, claim, plain(2, 3));
      await stage(store, claim, plain(1, 1), "@run/x");
      const parts = await partsOf(store, claim);
      const other = await begin(store, "s-2");
      assert.equal((await store.drop({ session, actor: "test", sealed: false })).dropped, true);
      assert.equal(await store.run({ run: claim.run.id }), null);
      assert.deepEqual((await store.runs({ session })).runs, []);
      await refused("run_unknown", () => store.tail({ run: claim.run.id }));
      await refused("run_unknown", () => commitOf(store, claim, { parts }));
      await assert.rejects(stage(store, claim, plain(4, 4)));
      assert.equal((await store.run({ run: other.run.id }))?.state, "running");
      const anew = await store.append({ log: logKey(), entries: keyed(1, 1), reopen: "any" });
      assert.deepEqual([anew.from, anew.committed], [1, 1]);
      assert.deepEqual(await bodiesOf(store, logKey()), ['{"n":1}']);
    });

    test("Entries of many runs at once stay each with its own.", async (store) => {
      const claims = [];
      for (const name of ["s-1", "s-2", "s-3"]) claims.push(await begin(store, name));
      await Promise.all(
        claims.flatMap((claim) => [1, 2, 3].map((n) => stage(store, claim, plain(n * 10, n * 10 + 4)))),
      );
      await commitOf(store, claims[1]!);
      for (const [n, name] of ["s-1", "s-2", "s-3"].entries())
        assert.equal((await bodiesOf(store, logKey(name))).length, n === 1 ? 15 : 0);
    });

    test("Entries of a batch without limits are staged and committed.", async (store) => {
      const claim = await begin(store);
      await stage(store, claim, keyed(1, 20_000));
      await showsNothing(store, "");
      const { receipt } = await commitOf(store, claim);
      assert.equal(receipt.entries, 20_000);
      assert.equal((await bodiesOf(store, logKey())).length, 20_000);
    });
  });
}

async function showsNothing(store: Store, log: string): Promise<void> {
  const { entries, head, committed } = await store.read({ log: logKey("s-1", log) });
  assert.deepEqual([entries, head, committed], [[], 0, 0]);
  assert.deepEqual(await gather(store.scan({ log: logKey("s-1", log) })), []);
}
