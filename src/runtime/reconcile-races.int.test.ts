import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { leaseLost } from "../core/lease.ts";
import { scriptedAgent } from "../agents/scripted/index.ts";
import { eventLog, type TailPart } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import { allChanges, logKey, plain, refused, sessionKey } from "../testing/store-suite/samples.ts";
import {
  commitOf,
  endOf,
  leaseMs,
  partsOf,
  stage,
  startMs,
  takeOver,
} from "../testing/store-suite/work-samples.ts";
import {
  beginRun,
  dumpOf,
  leave,
  rowsOf,
  stageEvents,
  Stores,
  stoppedClock,
  storeWith,
  type tails,
} from "../../test/runtime/recovery.ts";
import { reconcile, type ReconcileReport } from "./reconcile.ts";
import { Worker } from "./worker.ts";

const stores = new Stores();
afterAll(() => stores[Symbol.dispose]());

/** One of each, and enough of them for several batches. */
const kinds = Object.fromEntries(
  Array.from({ length: 24 }, (_, n) => [`s${n}`, (["done", "open", "corrupt", "empty"] as const)[n % 4]]),
) as Record<string, keyof typeof tails>;
const becomes = { done: "committed", open: "interrupted", corrupt: "held", empty: "interrupted" } as const;

async function expectOneBoundaryEach(store: Store, reports: readonly ReconcileReport[]): Promise<void> {
  const ended = reports.flatMap(({ runs }) => runs).filter(({ result }) => result !== "skipped");
  expect(ended.map(({ run, result }) => `${run.session} ${result}`).toSorted()).toEqual(
    Object.entries(kinds)
      .map(([session, kind]) => `${session} ${becomes[kind]}`)
      .toSorted(),
  );
  const changes = await allChanges(store);
  for (const [session, kind] of Object.entries(kinds)) {
    const own = changes.filter((change) => change.session === session);
    const shown = own.filter((change) => change.kind === "appended").map(({ log }) => log);
    expect(shown).toHaveLength(kind === "done" || kind === "open" ? 2 : 0);
    // The claim, and what recovery made of it.
    expect(own.filter((change) => change.kind === "run")).toHaveLength(2);
    expect((await store.session(sessionKey(session)))?.revision ?? 0).toBe(kind === "done" ? 1 : 0);
    expect(await store.lease(sessionKey(session))).toBeNull();
  }
}

describe.each(stores.all)("reconcile at the same time on $driver", ({ open }) => {
  test.for([2, 8])("%i reconcilers of one store make one boundary of each run.", async (count) => {
    const clock = stoppedClock();
    const store = await open(clock);
    await leave(store, clock, kinds);
    const reports = await Promise.all(
      Array.from({ length: count }, (_, n) => reconcile({ store, owner: `r-${n}` })),
    );
    await expectOneBoundaryEach(store, reports);
  });

  test("Twice changes nothing, byte for byte.", async () => {
    const clock = stoppedClock();
    const store = await open(clock);
    await leave(store, clock, kinds);
    await reconcile({ store, owner: "r" });
    clock.advance(leaseMs);
    const before = await dumpOf(store, Object.keys(kinds));
    expect(await reconcile({ store, owner: "other" })).toMatchObject({ looked: 0, runs: [], held: 6 });
    expect(await dumpOf(store, Object.keys(kinds))).toEqual(before);
  });

  test("A worker that was paused can neither write nor end its run once it is taken over.", async () => {
    const clock = stoppedClock();
    const store = await open(clock);
    const { a } = await leave(store, clock, { a: "done" });
    const parts = await partsOf(store, a!);
    const session = sessionKey("a");
    const { epoch } = a!.lease;
    const outcome = (await eventsOf(store, a!)).at(-1)!;
    let woken = 0;
    const tries = async (): Promise<void> => {
      woken += 1;
      await refused("lease_lost", () => stage(store, a!, plain(1, 1)));
      await refused("lease_lost", () => stageEvents(store, a!, [{ type: "result", ok: false, text: "No." }]));
      await refused("lease_lost", () => store.renewLease({ session, epoch, leaseMs }));
    };
    const paused = storeWith(store, {
      tail: async (params) => {
        const tail = await store.tail(params);
        await tries();
        await refused("lease_lost", () => commitOf(store, a!, { parts, outcome }));
        for (const as of ["interrupted", "discarded", "held"] as const)
          await refused("lease_lost", () => endOf(store, a!, as, { parts }));
        return tail;
      },
    });
    expect((await reconcile({ store: paused, owner: "r" })).runs).toMatchObject([{ result: "committed" }]);
    await tries();
    expect(woken).toBe(2);
    // What it would have committed is what recovery has committed: the same boundary, once.
    const before = await dumpOf(store, ["a"]);
    const { receipt } = (await store.run({ run: a!.run.id }))!;
    expect(await commitOf(store, a!, { parts, outcome })).toEqual({ receipt, alreadyCommitted: true });
    await refused("commit_conflict", () => commitOf(store, a!, { parts, outcome: '{"other":1}' }));
    await refused("run_closed", () => endOf(store, a!, "discarded", { parts }));
    expect(await dumpOf(store, ["a"])).toEqual(before);
  });

  test("A worker that was paused can write nothing into a run that recovery has closed.", async () => {
    const clock = stoppedClock();
    const store = await open(clock);
    const { a } = await leave(store, clock, { a: "open" });
    const parts: readonly TailPart[] = await partsOf(store, a!);
    await reconcile({ store, owner: "r" });
    const before = await dumpOf(store, ["a"]);
    await refused("lease_lost", () => stage(store, a!, plain(1, 1)));
    await refused("run_closed", () => commitOf(store, a!, { parts }));
    expect(await dumpOf(store, ["a"])).toEqual(before);
    const next = await beginRun(store, "a", "w-2");
    await refused("lease_lost", () => stage(store, a!, plain(1, 1)));
    expect(next.lease.epoch).toBeGreaterThan(a!.lease.epoch + 1);
  });

  test("A reconciler that dies after it took a run over leaves it to the next one.", async () => {
    const clock = stoppedClock();
    const store = await open(clock);
    await leave(store, clock, { a: "done" });
    const dead = new Error("Killed.");
    const dying = storeWith(store, {
      tail: () => Promise.reject(dead),
      releaseLease: () => Promise.reject(dead),
    });
    expect((await reconcile({ store: dying, owner: "r-1", leaseMs })).runs).toMatchObject([
      { result: "failed" },
    ]);
    expect(await reconcile({ store, owner: "r-2" })).toMatchObject({ live: 1, runs: [] });
    clock.advance(leaseMs);
    expect((await reconcile({ store, owner: "r-2" })).runs).toMatchObject([{ result: "committed" }]);
  });

  test("A run that its worker ends while it is listed is left alone, with its session's epoch.", async () => {
    const clock = stoppedClock();
    const store = await open(clock);
    const claim = await beginRun(store, "a");
    const late = storeWith(store, {
      lease: async (key) => {
        await commitOf(store, claim);
        return await store.lease(key);
      },
    });
    const { runs } = await reconcile({ store: late, owner: "r" });
    expect(runs).toMatchObject([{ result: "skipped", because: "settled" }]);
    const next = await store.acquireLease({ session: sessionKey("a"), owner: "w", leaseMs });
    expect(next.epoch).toBe(claim.lease.epoch + 1);
  });

  test.for(["say Hello; tool Build idempotent; usage 3 4; say Done.", "tool Build unsafe; fail It broke."])(
    "A worker that died before its commit is stood in for to the byte: %s",
    async (prompt) => {
      const twins = [];
      for (const dies of [false, true]) {
        const clock = stoppedClock();
        const store = await open(clock);
        const body = JSON.stringify({ prompt });
        await store.admit({ session: sessionKey("a"), key: "k", body, provider: "scripted" });
        const died = leaseLost(sessionKey("a"), 1);
        const dying = storeWith(store, {
          commit: async (params) => (dies ? await Promise.reject(died) : await store.commit(params)),
        });
        const agents = [scriptedAgent({ clock })];
        await new Worker({ store: dying, agents, owner: "w-1", leaseMs }).drain();
        clock.advance(leaseMs);
        const { runs } = await reconcile({ store, owner: "r" });
        expect(runs.map((one) => one.result)).toEqual(dies ? ["committed"] : []);
        const run = (await store.run({ run: "1.1" }))!;
        const { digest, entries } = run.receipt!;
        const { resumeToken } = (await store.session(sessionKey("a")))!;
        const usage = await store.usage({ by: "day" });
        twins.push({ outcome: run.outcome, digest, entries, resumeToken, usage });
      }
      expect(twins[1]).toEqual(twins[0]);
    },
  );

  test("A run that is held while it is being taken over stays held.", async () => {
    const clock = stoppedClock();
    const store = await open(clock);
    const { a } = await leave(store, clock, { a: "done" });
    const late = storeWith(store, {
      acquireLease: async (params) => {
        await endOf(store, await takeOver(store, a!), "held");
        return await store.acquireLease(params);
      },
    });
    const { runs, held } = await reconcile({ store: late, owner: "r" });
    expect(runs).toMatchObject([{ result: "skipped", because: "settled" }]);
    expect(held).toBe(1);
    expect(await store.run({ run: a!.run.id })).toMatchObject({ state: "held" });
    expect(await store.lease(sessionKey("a"))).toBeNull();
  });

  test("A session that is dropped while its run is recovered stays dropped.", async () => {
    const clock = stoppedClock();
    const store = await open(clock);
    await leave(store, clock, { a: "done", b: "done" });
    const late = storeWith(store, {
      acquireLease: async (params) => {
        if (params.session.session === "a") await store.drop({ session: params.session, actor: "ops" });
        return await store.acquireLease(params);
      },
    });
    const { runs } = await reconcile({ store: late, owner: "r" });
    expect(runs).toMatchObject([
      { run: { session: "b" }, result: "committed" },
      { run: { session: "a" }, result: "skipped", because: "settled" },
    ]);
    expect(await store.session(sessionKey("a"))).toBeNull();
  });
});

describe("reconcile on one file", () => {
  test.for([2, 8])("%i handles on it make one boundary of each run.", async (count) => {
    const clock = stoppedClock();
    const name = `race-${count}.db`;
    const store = stores.sqlite(clock, name);
    await leave(store, clock, kinds);
    const handles = Array.from({ length: count }, () => stores.sqlite(clock, name));
    const reports = await Promise.all(
      handles.map((handle, n) => reconcile({ store: handle, owner: `r-${n}` })),
    );
    await expectOneBoundaryEach(store, reports);
    await Promise.all([store, ...handles].map((handle) => handle.close()));
  });

  test("Copies of it are recovered to the same bytes, whenever and by whom.", async () => {
    const clock = stoppedClock();
    const first = stores.sqlite(clock, "copied.db");
    await leave(first, clock, kinds);
    await first.close();
    const dumps = [];
    for (const [name, laterMs, owner] of [
      ["1.copy", 0, "r-1"],
      ["2.copy", 0, "r-1"],
      ["3.copy", 86_400_000, "r-2"],
    ] as const) {
      const path = join(stores.folder, name);
      copyFileSync(join(stores.folder, "copied.db"), path);
      const store = stores.sqlite(stoppedClock(startMs + leaseMs + laterMs), name);
      await reconcile({ store, owner });
      const receipts = (await store.runs({ state: "committed" })).runs.map(({ receipt }) => receipt!.digest);
      await store.close();
      dumps.push({ rows: rowsOf(path), receipts });
    }
    expect(dumps[0]!.receipts).toHaveLength(6);
    expect(dumps[1]).toEqual(dumps[0]);
    for (const table of ["chunk", "usage"]) expect(dumps[2]!.rows[table]).toEqual(dumps[0]!.rows[table]);
    expect(dumps[2]!.receipts).toEqual(dumps[0]!.receipts);
  });
});

async function eventsOf(store: Store, { run }: Parameters<typeof partsOf>[1]): Promise<readonly string[]> {
  const { entries } = await store.read({ log: logKey(run.session, eventLog(run.id)), run: run.id });
  return entries.map(({ body }) => body);
}
