import assert from "node:assert/strict";
import type { Holding } from "../../core/holdings.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import type { StoreTests } from "./harness.ts";
import { allChanges, appendTo, keyed, logKey, plain, refused, sessionKey } from "./samples.ts";
import { admitTo, begin, claimNext, commitOf, endOf, stage, startMs, used } from "./work-samples.ts";

/** What a copy needs: to find all that there is, and to take it elsewhere under the same ids and times. */
export function holdingsTests({ describe, test }: StoreTests): void {
  describe("keys", () => {
    test("Name every session of which anything is held, in the order of UTF-8 bytes.", async (store) => {
      const names = ["\u{10000}", "\uffee", "a", "B", "é", "a b"];
      for (const name of names) await appendTo(store, name, plain(1, 1));
      const expected = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      assert.deepEqual(await store.keys(), expected.map(sessionKey));
      const inPages: SessionKey[] = [];
      for (let pages = 0; pages < 10; pages += 1) {
        const after = inPages.at(-1);
        inPages.push(...(await store.keys({ limit: 4, ...(after && { after }) })));
      }
      assert.deepEqual(inPages, expected.map(sessionKey));
    });

    test("Name sessions that no list shows.", async (store) => {
      await admitTo(store, "asked", "k");
      await store.putBlob({ session: sessionKey("blob"), bytes: Uint8Array.of(1) });
      await appendTo(store, "dropped", plain(1, 1));
      await store.drop({ session: sessionKey("dropped"), actor: "ann" });
      await store.drop({ session: sessionKey("on record"), actor: "ann" });
      await store.append({ log: logKey("own", "@run/1.1"), entries: plain(1, 1) });
      await store.recordUsage({ session: sessionKey("usage"), rows: [used("m", 1)] });
      const names = ["asked", "blob", "dropped", "on record", "own", "usage"];
      assert.deepEqual(await store.keys(), names.map(sessionKey));
      assert.deepEqual((await store.sessions()).sessions, []);
    });

    test("Are those of one project where it is named, and a wrong limit is refused.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const other = { project: "p-0", session: "s-9" };
      await store.append({ log: { ...other, log: "" }, entries: plain(1, 1) });
      assert.deepEqual(await store.keys(), [other, sessionKey()]);
      assert.deepEqual(await store.keys({ project: "p-1" }), [sessionKey()]);
      assert.deepEqual(await store.keys({ project: "p-0", after: other }), []);
      for (const limit of [0, 1001]) await refused("invalid_limit", () => store.keys({ limit }));
    });
  });

  describe("holdings", () => {
    test("Are all that a session has, whatever the size of the pages.", async (store, clock) => {
      clock.stopAt(startMs);
      const { run, blob } = await worked(store);
      const found = await holdingsOf(store);
      const row = (await store.session(sessionKey()))!;
      assert.deepEqual(found.slice(0, 2), [
        { kind: "row", row, titleByUser: true },
        { kind: "epoch", epoch: 2 },
      ]);
      const kinds = found.slice(2).map(({ kind }) => kind);
      assert.deepEqual(kinds, ["blob", "input", "input", "usage", "usage", "audit"]);
      const inputs = await store.inputs({ session: sessionKey() });
      const runs = (await store.runs({ session: sessionKey() })).runs.toReversed();
      assert.deepEqual(found.slice(2, 5), [
        { kind: "blob", blob },
        { kind: "input", input: inputs[1], runs: runs.filter(({ input }) => input === run.input) },
        { kind: "input", input: inputs[0], runs: runs.filter(({ input }) => input !== run.input) },
      ]);
      assert.deepEqual(found.slice(5, 7), [
        { kind: "usage", row: used("a", 1) },
        { kind: "usage", row: used("b", 2) },
      ]);
      const { seq: _, ...audited } = (await store.audit())[0]!;
      assert.deepEqual(found.slice(7), [{ kind: "audit", row: audited }]);
      for (const limit of [1, 2, 3, 5, 1000]) assert.deepEqual(await holdingsOf(store, "s-1", limit), found);
    });

    test("Tell a title that is not the user's own, and a tombstone.", async (store) => {
      const fold = () => ({ summary: "{}", title: "Folded" });
      await store.append({ log: logKey(), entries: plain(1, 1), fold });
      const [row] = await holdingsOf(store);
      assert.deepEqual(row, { kind: "row", row: await store.session(sessionKey()), titleByUser: false });
      await store.drop({ session: sessionKey(), actor: "ann", reason: "old" });
      const tombstone = (await store.tombstone(sessionKey()))!;
      assert.deepEqual((await holdingsOf(store))[0], { kind: "tombstone", tombstone });
      assert.deepEqual(await holdingsOf(store, "never"), []);
    });

    test("Refuse a cursor that is none, and a limit out of range.", async (store) => {
      const session = sessionKey();
      for (const cursor of ["", "row:1", "input:x", "audit:", "x"])
        await refused("cursor_invalid", () => store.holdings({ session, cursor }));
      for (const limit of [0, 1001]) await refused("invalid_limit", () => store.holdings({ session, limit }));
    });
  });

  describe("adopt", () => {
    test("Takes what another session has under its ids and times, once.", async (store, clock) => {
      clock.stopAt(startMs);
      const given = foreign(startMs - 5000);
      await appendTo(store, "s-1", keyed(1, 2));
      clock.advance(1000);
      assert.deepEqual(await store.adopt({ session: sessionKey(), holdings: given }), { adopted: 5 });
      assert.deepEqual(await holdingsOf(store), given);
      const before = await allChanges(store);
      assert.deepEqual(await store.adopt({ session: sessionKey(), holdings: given }), { adopted: 0 });
      assert.deepEqual(await allChanges(store), before);
      assert.deepEqual(await holdingsOf(store), given);
      assert.equal((await store.run({ run: "7.1" }))?.receipt?.digest, "d");
      assert.equal((await store.audit())[0]?.atMs, startMs - 5000);
    });

    test("Finds the adopted session where a list has its place for it.", async (store, clock) => {
      clock.stopAt(startMs);
      await appendTo(store, "s-1", keyed(1, 2));
      clock.advance(1000);
      await appendTo(store, "s-2", plain(1, 1));
      clock.advance(1000);
      const [row] = foreign(startMs + 1500);
      await store.adopt({ session: sessionKey(), holdings: [row!] });
      assert.deepEqual(
        (await store.sessions()).sessions.map(({ session }) => session),
        ["s-1", "s-2"],
      );
      assert.deepEqual((await store.sessions({ filter: { title: "there" } })).sessions.length, 1);
      const newer = { entries: plain(1, 1), fold: () => ({ summary: null, title: "Folded" }) };
      await store.append({ log: logKey(), ...newer });
      assert.equal((await store.session(sessionKey()))?.title, "Named there");
    });

    test("Keeps no summary of other entries than are here.", async (store) => {
      await appendTo(store, "s-1", keyed(1, 3));
      await store.describe({ session: sessionKey(), summary: { data: "[3]", head: 3 } });
      const [row] = foreign(startMs);
      await store.adopt({ session: sessionKey(), holdings: [row!] });
      assert.equal((await store.session(sessionKey()))?.summary, null);
    });

    test("Never gives the id of an input again, also of one that is still open there.", async (store) => {
      const input = { ...inputThere("queued"), id: "41" };
      const holdings: Holding[] = [{ kind: "input", input, runs: [] }];
      assert.deepEqual(await store.adopt({ session: sessionKey(), holdings }), { adopted: 0 });
      assert.deepEqual(await store.inputs({ session: sessionKey() }), []);
      assert.equal(await store.claim({ worker: "w-1", leaseMs: 1000 }), null);
      assert.equal((await admitTo(store, "s-2", "k-1")).id, "42");
      await store.adopt({ session: sessionKey(), holdings });
      assert.equal((await admitTo(store, "s-2", "k-2")).id, "43");
    });

    test("Leaves an input out whose id, key or run is taken.", async (store) => {
      const claim = await begin(store, "s-2", "k-2");
      await commitOf(store, claim);
      const taken = { ...inputThere("consumed"), id: claim.input.id };
      const sameKey = { ...inputThere("consumed"), id: "90", key: "k-2", session: "s-2" };
      const one: Holding = { kind: "input", input: taken, runs: [] };
      assert.deepEqual(await store.adopt({ session: sessionKey(), holdings: [one] }), { adopted: 0 });
      const other: Holding = { kind: "input", input: sameKey, runs: [] };
      assert.deepEqual(await store.adopt({ session: sessionKey("s-2"), holdings: [other] }), { adopted: 0 });
      const input = { ...inputThere("consumed"), id: "91" };
      const named: Holding = { kind: "input", input, runs: [{ ...runThere(), id: claim.run.id }] };
      assert.deepEqual(await store.adopt({ session: sessionKey(), holdings: [named] }), { adopted: 0 });
      assert.deepEqual(await store.inputs({ session: sessionKey() }), []);
      assert.equal((await store.run({ run: claim.run.id }))?.session, "s-2");
    });

    test("Goes on with an input that is abandoned here as it went on there, once.", async (store) => {
      const [first, second, third] = [runGivenUp(1), runGivenUp(2), runThere(3)];
      const before = {
        ...inputThere("consumed"),
        state: "abandoned",
        run: second.id,
        reason: "gone",
      } as const;
      const given: Holding = { kind: "input", input: before, runs: [first, second] };
      await store.adopt({ session: sessionKey(), holdings: [given] });
      const open = { ...inputThere("queued"), run: second.id, updatedAtMs: 21 };
      const waiting: Holding = { kind: "input", input: open, runs: [first, second] };
      assert.deepEqual(await store.adopt({ session: sessionKey(), holdings: [waiting] }), { adopted: 0 });
      assert.deepEqual(await holdingsOf(store), [given]);
      const after = { ...inputThere("consumed"), attempts: 1, run: third.id, updatedAtMs: 30 };
      const later: Holding = { kind: "input", input: after, runs: [first, second, third] };
      assert.deepEqual(await store.adopt({ session: sessionKey(), holdings: [later] }), { adopted: 1 });
      assert.deepEqual(await holdingsOf(store), [later]);
      const feed = await allChanges(store);
      assert.deepEqual([feed.at(-1)?.kind, feed.at(-1)?.of], ["input", "7"]);
      for (const again of [later, given])
        assert.deepEqual(await store.adopt({ session: sessionKey(), holdings: [again] }), { adopted: 0 });
      assert.deepEqual(await holdingsOf(store), [later]);
      assert.deepEqual(await allChanges(store), feed);
      assert.deepEqual((await store.run({ run: "7.1" }))?.state, "interrupted");
    });

    test("Goes on with an input that was cancelled there before its next run began.", async (store) => {
      const runs = [runGivenUp(1)];
      const input = { ...inputThere("consumed"), state: "abandoned", run: "7.1", reason: "gone" } as const;
      await store.adopt({ session: sessionKey(), holdings: [{ kind: "input", input, runs }] });
      const after = {
        ...input,
        state: "cancelled",
        attempts: 0,
        reason: "no more",
        updatedAtMs: 30,
      } as const;
      const later: Holding = { kind: "input", input: after, runs };
      assert.deepEqual(await store.adopt({ session: sessionKey(), holdings: [later] }), { adopted: 1 });
      assert.deepEqual(await holdingsOf(store), [later]);
    });

    test("Leaves an abandoned input whose runs here are others than there, and one that goes on here.", async (store) => {
      const input = { ...inputThere("consumed"), state: "abandoned", run: "7.1", reason: "gone" } as const;
      await store.adopt({
        session: sessionKey(),
        holdings: [{ kind: "input", input, runs: [runGivenUp(1)] }],
      });
      const after = { ...inputThere("consumed"), run: "7.2", updatedAtMs: 30 };
      const adoptLater = (runs: Extract<Holding, { kind: "input" }>["runs"], session = sessionKey()) =>
        store.adopt({ session, holdings: [{ kind: "input", input: after, runs }] });
      const next = runThere(2);
      assert.deepEqual(await adoptLater([{ ...runGivenUp(1), worker: "w-other" }, next]), { adopted: 0 });
      assert.deepEqual(await adoptLater([next]), { adopted: 0 });
      assert.deepEqual(await adoptLater([runGivenUp(1), next], sessionKey("s-2")), { adopted: 0 });
      assert.deepEqual(await store.inputs({}), [input]);
      await store.requeue({ session: sessionKey(), input: "7", actor: "ann" });
      assert.deepEqual(await adoptLater([runGivenUp(1), next]), { adopted: 0 });
      assert.equal((await claimNext(store)).run.id, "7.2");
    });

    test("Answers a key that was admitted there with the input of then.", async (store) => {
      const input = inputThere("consumed");
      await store.adopt({ session: sessionKey(), holdings: [{ kind: "input", input, runs: [runThere()] }] });
      const { key, body } = input;
      assert.deepEqual(await store.admit({ session: sessionKey(), key, body }), { input, admitted: false });
      assert.equal(await store.claim({ worker: "w-1", leaseMs: 1000 }), null);
    });

    test("Gives no epoch again that was given there, and ends no lease that is live here.", async (store) => {
      const session = sessionKey();
      await store.adopt({ session, holdings: [{ kind: "epoch", epoch: 7 }] });
      const lease = await store.acquireLease({ session, owner: "w-1", leaseMs: 60_000 });
      assert.equal(lease.epoch, 8);
      await store.adopt({ session, holdings: [{ kind: "epoch", epoch: 99 }] });
      assert.equal((await store.renewLease({ session, epoch: 8, leaseMs: 60_000 })).epoch, 8);
    });

    test("Of a tombstone drops what began before it, keeps its time, and leaves what began later.", async (store, clock) => {
      clock.stopAt(startMs);
      await appendTo(store, "s-1", plain(1, 1));
      clock.advance(1000);
      const tombstone = {
        ...sessionKey(),
        droppedAtMs: startMs + 500,
        actor: "ann",
        reason: null,
        sealed: true,
      };
      const holdings: Holding[] = [{ kind: "tombstone", tombstone }];
      assert.deepEqual(await store.adopt({ session: sessionKey(), holdings }), { adopted: 1 });
      assert.equal(await store.session(sessionKey()), null);
      assert.deepEqual(await store.tombstone(sessionKey()), tombstone);
      assert.deepEqual(await store.adopt({ session: sessionKey(), holdings }), { adopted: 0 });
      assert.equal((await allChanges(store)).filter(({ kind }) => kind === "dropped").length, 1);
      await store.append({ log: logKey(), entries: plain(1, 1), reopen: "any" });
      assert.deepEqual(await store.adopt({ session: sessionKey(), holdings }), { adopted: 0 });
      assert.notEqual(await store.session(sessionKey()), null);
    });

    test("Of a tombstone leaves it also where nothing was known of the session.", async (store) => {
      const tombstone = { ...sessionKey(), droppedAtMs: 5, actor: "ann", reason: "old", sealed: false };
      await store.adopt({ session: sessionKey(), holdings: [{ kind: "tombstone", tombstone }] });
      assert.deepEqual(await store.tombstone(sessionKey()), tombstone);
      await refused("session_dropped", () => appendTo(store, "s-1", plain(1, 1)));
      await store.append({ log: logKey(), entries: plain(1, 1), reopen: "unsealed" });
    });

    test("Counts no usage of a session that was dropped here, and never less than is known.", async (store) => {
      const session = sessionKey();
      await store.recordUsage({ session, rows: [used("a", 5)] });
      const less: Holding = { kind: "usage", row: used("a", 2) };
      assert.deepEqual(await store.adopt({ session, holdings: [less] }), { adopted: 0 });
      const more: Holding = { kind: "usage", row: used("a", 6) };
      assert.deepEqual(await store.adopt({ session, holdings: [more] }), { adopted: 1 });
      await store.drop({ session, actor: "ann" });
      assert.deepEqual(await store.adopt({ session, holdings: [more] }), { adopted: 0 });
      assert.deepEqual(await store.usage({ by: "session" }), []);
    });

    test("Makes no session of a row alone.", async (store) => {
      const [row] = foreign(startMs);
      assert.deepEqual(await store.adopt({ session: sessionKey(), holdings: [row!] }), { adopted: 0 });
      assert.equal(await store.session(sessionKey()), null);
    });
  });
}

/** A session with one of each, of which one input was consumed and one is queued. */
async function worked(store: Store) {
  const { blob } = await store.putBlob({ session: sessionKey(), bytes: Uint8Array.of(1) });
  const first = await begin(store);
  await stage(store, first, keyed(1, 2));
  await endOf(store, first, "interrupted");
  const again = await claimNext(store);
  await stage(store, again, keyed(3, 4));
  await commitOf(store, again, { usage: [used("b", 2), used("a", 1)] });
  await admitTo(store, "s-1", "k-2");
  await store.describe({ session: sessionKey(), title: "Mine", labels: { team: "core" } });
  return { run: again.run, blob };
}

async function holdingsOf(store: Store, session = "s-1", limit = 100): Promise<Holding[]> {
  const found: Holding[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < 100; pages += 1) {
    const page = await store.holdings({ session: sessionKey(session), limit, ...(cursor && { cursor }) });
    found.push(...page.holdings);
    if (page.cursor === undefined) return found;
    cursor = page.cursor;
  }
  throw new Error("The pages have no end.");
}

/** What another store might give of a session whose main log has the entries 1 and 2. */
function foreign(atMs: number): Holding[] {
  const row = {
    ...sessionKey(),
    provider: "scripted",
    title: "Named there",
    labels: { team: "core", area: "x" },
    summary: '{"n":2}',
    createdAtMs: atMs - 100,
    updatedAtMs: atMs,
    mainHead: 2,
    entries: 2,
    length: 14,
    revision: 4,
    resumeKey: "key",
    resumeToken: "token",
  };
  const audit = { ...sessionKey(), atMs, actor: "ann", verb: "run_held" as const, run: "7.1", reason: "why" };
  return [
    { kind: "row", row, titleByUser: true },
    { kind: "epoch", epoch: 9 },
    { kind: "input", input: inputThere("consumed"), runs: [runThere()] },
    { kind: "usage", row: used("m", 3) },
    { kind: "audit", row: audit },
  ];
}

function inputThere(state: "consumed" | "queued") {
  const body = '{"ask":"then"}';
  const times = { admittedAtMs: 10, updatedAtMs: 20 };
  const life = state === "consumed" ? { attempts: 1, run: "7.1" } : { attempts: 0 };
  return {
    id: "7",
    key: "then",
    ...sessionKey(),
    body,
    provider: "scripted",
    priority: 2,
    state,
    ...life,
    ...times,
  };
}

function runThere(attempt = 1) {
  const id = `7.${attempt}`;
  const receipt = { run: id, seq: 1, digest: "d", entries: 2, revision: 4, input: "7", atMs: 20 };
  const facts = { input: "7", attempt, worker: "w-9", epoch: 9, revision: 3, state: "committed" as const };
  return { id, ...sessionKey(), ...facts, startedAtMs: 11, endedAtMs: 20, outcome: "{}", receipt };
}

function runGivenUp(attempt: number) {
  const { receipt: _, outcome: __, ...run } = runThere(attempt);
  return { ...run, state: "interrupted" as const, reason: "gone" };
}
