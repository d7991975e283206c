import { describe, expect, test } from "vitest";
import { entriesOf, fillStore, logOf, sessionOf } from "../../test/runtime/full-store.ts";
import { onEachPair, pairsToServers, type StorePair } from "../../test/runtime/store-pairs.ts";
import { withVerbs } from "../../test/chaos/with-verbs.ts";
import { isHoldfastError } from "../core/errors.ts";
import type { Holding } from "../core/holdings.ts";
import type { SessionKey } from "../core/ids.ts";
import { noTokens } from "../core/usage.ts";
import type { Store } from "../core/store.ts";
import { openMemoryStore } from "../stores/memory/index.ts";
import { copyStore } from "./copy.ts";
import { compareStores } from "./parity.ts";
import { holdingsOf, sessionKeys } from "./session-keys.ts";

interface Fault {
  readonly name: string;
  readonly spoil: (stores: StorePair) => Promise<unknown>;
  readonly what: string;
  readonly message: RegExp;
}

const faults: readonly Fault[] = [
  {
    name: "a log that lacks its end",
    spoil: ({ from }) => from.append({ log: logOf("talk"), entries: entriesOf(8, 9) }),
    what: "log",
    message: /main log has its first 7 of 9 entries/,
  },
  {
    name: "a log that is longer",
    spoil: ({ to }) => to.append({ log: logOf("talk", "subagents/agent-1"), entries: entriesOf(8, 9) }),
    what: "log",
    message: /agent-1 has 2 more entries at the target than the 4 here/,
  },
  {
    name: "a log with one other byte",
    spoil: async ({ from, to }) => {
      await from.append({ log: logOf("byte"), entries: [{ body: '{"n":1}' }] });
      await to.append({ log: logOf("byte"), entries: [{ body: '{"n":2}' }] });
    },
    what: "log",
    message: /is another one at the target: 1 entries, and 1 here/,
  },
  {
    name: "a log that is missing",
    spoil: ({ to }) => to.drop({ session: sessionOf("talk"), log: "subagents/agent-1", actor: "ann" }),
    what: "log",
    message: /Log subagents\/agent-1 is not at the target/,
  },
  {
    name: "a session that nobody else has",
    spoil: ({ to }) => to.append({ log: logOf("alone"), entries: entriesOf(1, 1) }),
    what: "log",
    message: /main log is at the target alone/,
  },
  {
    name: "another title",
    spoil: ({ to }) => to.describe({ session: sessionOf("talk"), title: "Other" }),
    what: "row",
    message: /Its row/,
  },
  {
    name: "a session that was dropped, with all it had",
    spoil: ({ to }) => to.drop({ session: sessionOf("talk"), actor: "ann" }),
    what: "blob",
    message: /1 blob is not at the target/,
  },
  {
    name: "work that was lost",
    spoil: ({ to }) => to.drop({ session: sessionOf("work"), actor: "ann" }),
    what: "input",
    message: /2 inputs that have ended are not at the target/,
  },
  {
    name: "usage that is not counted",
    spoil: ({ from }) =>
      from.recordUsage({
        session: sessionOf("talk"),
        rows: [{ key: "new", model: "m", atMs: 1, tokens: noTokens, microDollars: null }],
      }),
    what: "usage",
    message: /usage of 1 response is not the same/,
  },
  {
    name: "a decision that is not on record",
    spoil: ({ from }) => from.clearLease({ session: sessionOf("talk"), actor: "ann" }),
    what: "audit",
    message: /1 audit row is not at the target/,
  },
  {
    name: "an epoch that could be given again",
    spoil: ({ from }) => from.acquireLease({ session: sessionOf("talk"), owner: "w", leaseMs: 1000 }),
    what: "epoch",
    message: /could give an epoch again/,
  },
  {
    name: "a removal that it does not know of",
    spoil: ({ from }) => from.drop({ session: sessionOf("named"), actor: "ann" }),
    what: "tombstone",
    message: /dropped here, and the target does not say so/,
  },
];

describe("a copy", () => {
  onEachPair(({ open }) => {
    test("moves everything of every session, and says what is at work", async () => {
      const { from, to } = await open();
      await fillStore(from);
      const before = await contentsOf(from);
      const { parity, stopped } = await copyStore({ from, to });
      expect(parity).toMatchObject({ sessions: 4, differing: 0, differences: [] });
      expect(parity?.open).toEqual({ queuedInputs: 2, runningInputs: 1, leases: 1 });
      expect(stopped).toBe(false);
      expect(await contentsOf(from)).toEqual(before);
      expect(closedIn(await contentsOf(to))).toEqual(closedIn(before));
      expect((await to.sessions()).sessions).toEqual((await from.sessions()).sessions);
      expect(await to.usage({ by: "session" })).toEqual(await from.usage({ by: "session" }));
    });

    test("made again writes nothing", async () => {
      const { from, to } = await open();
      await fillStore(from);
      await copyStore({ from, to });
      const { position } = await to.changes({ after: 0 });
      for (const resume of [false, true]) {
        const report = await copyStore({ from, to, resume });
        expect(report).toMatchObject({ entries: 0, blobs: 0, dropped: 0 });
        expect(report.parity?.differing).toBe(0);
      }
      expect((await to.changes({ after: 0 })).position).toBe(position);
    });

    test("adds what came since behind what is there, also without uuids", async () => {
      const { from, to } = await open();
      const bare = [{ body: '{"same":1}' }, { body: '{"same":1}' }];
      await from.append({ log: logOf("s"), entries: bare });
      await copyStore({ from, to });
      await from.append({ log: logOf("s"), entries: bare });
      expect((await copyStore({ from, to })).entries).toBe(2);
      expect((await to.read({ log: logOf("s") })).entries).toEqual(
        (await from.read({ log: logOf("s") })).entries,
      );
    });

    test("that is stopped between two batches goes on from there", async () => {
      const { from, to } = await open();
      for (const session of ["a", "b", "c", "d", "e", "f"]) await appendLong(from, session);
      const stop = new AbortController();
      const onProgress = ({ copied }: { copied: number }): void => {
        if (copied > 4_000_000) stop.abort();
      };
      const first = await copyStore({ from, to, signal: stop.signal, onProgress });
      expect(first).toMatchObject({ stopped: true, parity: null });
      const second = await copyStore({ from, to, resume: true });
      expect(second.parity).toMatchObject({ differing: 0, sessions: 6 });
      expect(first.entries).toBeGreaterThan(0);
      expect(second.entries).toBeGreaterThan(0);
      expect(first.entries + second.entries).toBe(second.parity?.entries);
    });

    test("leaves a session alone that has something else at the target, and says so", async () => {
      const { from, to } = await open();
      await from.append({ log: logOf("s"), entries: entriesOf(1, 5) });
      await from.describe({ session: sessionOf("s"), title: "Source" });
      await from.append({ log: logOf("t"), entries: entriesOf(1, 5) });
      await to.append({ log: logOf("s"), entries: [{ body: '{"n":1}' }, { body: '{"other":2}' }] });
      const before = await contentsOf(to);
      for (const resume of [false, true]) {
        const { parity } = await copyStore({ from, to, resume });
        expect(parity?.differences.map(({ session, what }) => [session, what])).toEqual([
          ["s", "log"],
          ["s", "row"],
          ["s", "session"],
        ]);
        expect(parity?.differences[2]?.message).toMatch(/not the beginning of what is here/);
      }
      expect((await contentsOf(to)).filter(({ key }) => key.session === "s")).toEqual(before);
      expect((await to.session(sessionOf("t")))?.entries).toBe(5);
    });

    test("brings back nothing that was dropped at the target", async () => {
      const { from, to } = await open();
      for (const session of ["sealed", "unsealed"]) {
        await from.append({ log: logOf(session), entries: entriesOf(1, 2) });
        await copyStore({ from, to });
        await to.drop({ session: sessionOf(session), actor: "ann", sealed: session === "sealed" });
      }
      const { parity } = await copyStore({ from, to });
      expect(parity?.differences.filter(({ what }) => what === "session").length).toBe(2);
      expect((await to.sessions()).sessions).toEqual([]);
    });

    test("drops at the target what was dropped at the source", async () => {
      const { from, to } = await open();
      await from.append({ log: logOf("s"), entries: entriesOf(1, 2) });
      await copyStore({ from, to });
      await from.drop({ session: sessionOf("s"), actor: "ann", reason: "old" });
      const { parity, dropped } = await copyStore({ from, to });
      expect([parity?.differing, dropped]).toEqual([0, 1]);
      expect(await to.tombstone(sessionOf("s"))).toEqual(await from.tombstone(sessionOf("s")));
      expect(await to.session(sessionOf("s"))).toBeNull();
    });

    test("takes the sessions of one project, or those that were written since", async () => {
      const { from, to } = await open();
      await from.append({ log: logOf("old"), entries: entriesOf(1, 2, 1_000) });
      await from.append({ log: logOf("new"), entries: entriesOf(1, 2) });
      await from.append({ log: { project: "q", session: "x", log: "" }, entries: entriesOf(1, 2) });
      const { parity } = await copyStore({ from, to, project: "p", sinceMs: 2_000_000 });
      expect(parity).toMatchObject({ sessions: 1, differing: 0 });
      expect((await to.keys()).map(({ session }) => session)).toEqual(["new"]);
    });

    test("lets no input of the target go on with the steps of one that was copied", async () => {
      const { from, to } = await open();
      await fillStore(from);
      const [newest] = await from.inputs({});
      await copyStore({ from, to });
      const { input } = await to.admit({ session: sessionOf("work"), key: "new", body: "{}" });
      expect(Number(input.id)).toBeGreaterThan(Number(newest!.id));
      const steps = await to.read({ log: logOf("work", `@steps/${input.id}`) });
      expect(steps.entries).toEqual([]);
    });
  });
});

describe("a copy of a store that is being written", () => {
  onEachPair(({ open }) => {
    test("ends when it has caught up, with all that was written meanwhile", async () => {
      const { from, to } = await open();
      for (const session of ["a", "b", "c"])
        await from.append({ log: logOf(session), entries: entriesOf(1, 5) });
      await from.append({ log: logOf("c", "side"), entries: entriesOf(1, 2) });
      const written = onVerb(to, "append", async (count) => {
        if (count === 1) await from.append({ log: logOf("a"), entries: entriesOf(6, 9) });
        if (count === 2) await from.append({ log: logOf("late"), entries: entriesOf(1, 3) });
        if (count === 2) await from.describe({ session: sessionOf("b"), title: "Late" });
        if (count === 3) await from.drop({ session: sessionOf("c"), log: "side", actor: "ann" });
      });
      const { parity } = await copyStore({ from, to: written });
      expect(parity).toMatchObject({ differing: 0, sessions: 4 });
      expect((await to.session(sessionOf("b")))?.title).toBe("Late");
      expect((await to.logs(sessionOf("c"))).map(({ log }) => log)).toEqual([""]);
    });

    test("drops what is dropped meanwhile, and takes what begins anew", async () => {
      const { from, to } = await open();
      for (const session of ["gone", "anew", "again"])
        await from.append({ log: logOf(session), entries: entriesOf(1, 5) });
      const written = onVerb(from, "changes", async (count) => {
        if (count !== 2) return;
        for (const session of ["gone", "anew"])
          await from.drop({ session: sessionOf(session), actor: "ann", sealed: false });
        await from.append({ log: logOf("anew"), entries: entriesOf(20, 21), reopen: "unsealed" });
        await from.drop({ session: sessionOf("again"), actor: "ann" });
        await from.append({ log: logOf("again"), entries: entriesOf(30, 31), reopen: "any" });
      });
      const { parity } = await copyStore({ from: written, to });
      expect(parity?.differences).toEqual([]);
      expect(await to.session(sessionOf("gone"))).toBeNull();
      expect((await to.read({ log: logOf("anew") })).entries.length).toBe(2);
      expect((await to.read({ log: logOf("again") })).entries.length).toBe(2);
    });
  });
});

describe("the pieces of a copy", () => {
  test("are large appends, of which one is read ahead and no more", async () => {
    const [from, to] = [openMemoryStore(), openMemoryStore()];
    await appendLong(from, "s", 510);
    let [ahead, most, appends] = [0, 0, 0];
    const read = withVerbs(from, {
      read: async (params) => {
        const page = await from.read(params);
        if ((params.limit ?? 0) > 0) ahead += page.entries.reduce((sum, { body }) => sum + body.length, 0);
        most = Math.max(most, ahead);
        return page;
      },
    });
    const written = withVerbs(to, {
      append: async (params) => {
        appends += 1;
        // Whoever reads on while this is written has time to do so.
        await new Promise((resolve) => setTimeout(resolve, 5));
        ahead -= params.entries.reduce((sum, { body }) => sum + body.length, 0);
        return await to.append(params);
      },
    });
    await copyStore({ from: read, to: written });
    expect(most).toBeLessThan(9_000_000);
    expect(appends).toBeLessThan(9);
    expect((await to.session(sessionOf("s")))?.length).toBeGreaterThan(10_000_000);
  });

  test("are written by two copies at once without one that doubles", async () => {
    const [from, to] = [openMemoryStore(), openMemoryStore()];
    await appendLong(from, "s", 510);
    const reports = await Promise.all([copyStore({ from, to }), copyStore({ from, to })]);
    expect(reports.map(({ parity }) => parity?.differing)).toEqual([0, 0]);
  });
});

test("A store is not copied onto itself.", async () => {
  const store = openMemoryStore();
  const error = await copyStore({ from: store, to: store }).catch((fault: unknown) => fault);
  expect(isHoldfastError(error) && error.code).toBe("usage");
});

describe("a comparison", () => {
  onEachPair(({ open }) => {
    test("tells every log with its count, bytes and digest, and changes nothing", async () => {
      const { from, to } = await open();
      await from.append({ log: logOf("s"), entries: [{ body: '{"é":1}' }, { body: "{}" }] });
      await copyStore({ from, to });
      const before = [await contentsOf(from), await contentsOf(to)];
      const logs: unknown[] = [];
      const report = await compareStores({ from, to, onLog: (log) => void logs.push(log) });
      // printf '{"é":1}\n{}\n' | sha256sum
      const sha256 = "7d36c7fe3564f573454f4a9351ca166a6f57c3485b89808bf18655a25699b1aa";
      const side = { entries: 2, bytes: 12, sha256 };
      expect(logs).toEqual([{ ...logOf("s"), from: side, to: side, equal: true, common: 2 }]);
      expect(report).toMatchObject({ sessions: 1, logs: 1, entries: 2, bytes: 12, differing: 0 });
      expect([await contentsOf(from), await contentsOf(to)]).toEqual(before);
    });

    test.each(faults)("finds at the target: $name", async ({ spoil, what, message }) => {
      const { from, to } = await open();
      await fillStore(from);
      await copyStore({ from, to });
      await spoil({ from, to });
      const { differences, differing } = await compareStores({ from, to });
      expect(differing).toBeGreaterThan(0);
      expect(differences.map((one) => one.what)).toContain(what);
      expect(differences.map((one) => one.message).join("\n")).toMatch(message);
    });
  }, pairsToServers);
});

/** Everything that a store holds, by session. */
interface Content {
  readonly key: SessionKey;
  readonly logs: readonly unknown[];
  readonly holdings: readonly Holding[];
}

async function contentsOf(store: Store): Promise<Content[]> {
  const found: Content[] = [];
  for await (const key of sessionKeys(store)) {
    const rows = await store.logs(key);
    const logs = await Promise.all(
      rows.map(async ({ log, createdAtMs, updatedAtMs }) => {
        const { entries } = await store.read({ log: { ...key, log } });
        return { log, createdAtMs, updatedAtMs, entries };
      }),
    );
    const holdings: Holding[] = [];
    for await (const page of holdingsOf(store, key)) holdings.push(...page);
    found.push({ key, logs, holdings });
  }
  return found;
}

/** The same without what is at work, which is not copied. */
function closedIn(contents: readonly Content[]): Content[] {
  return contents
    .map((content) => ({ ...content, holdings: content.holdings.filter(isClosed) }))
    .filter(({ logs, holdings }) => logs.length + holdings.length > 0);
}

function isClosed(holding: Holding): boolean {
  return holding.kind !== "input" || ["consumed", "abandoned", "cancelled"].includes(holding.input.state);
}

/** Does a thing before each call of a verb, which is told its number. */
function onVerb(store: Store, verb: "append" | "changes", before: (count: number) => Promise<void>): Store {
  let count = 0;
  const call = store[verb].bind(store) as (params: never) => Promise<never>;
  return withVerbs(store, {
    [verb]: async (params: never) => {
      count += 1;
      await before(count);
      return await call(params);
    },
  });
}

/** 10 MB in a main log. */
async function appendLong(store: Store, session: string, length = 260): Promise<void> {
  const text = "x".repeat(20_000);
  const entries = Array.from({ length }, (_, n) => ({ body: JSON.stringify({ n, session, text }) }));
  await store.append({ log: logOf(session), entries });
}
