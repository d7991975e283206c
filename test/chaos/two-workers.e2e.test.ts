import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Run } from "../../src/core/run.ts";
import type { Store } from "../../src/core/store.ts";
import type { Ended } from "../../src/runtime/execute.ts";
import { reconcile } from "../../src/runtime/reconcile.ts";
import { Worker } from "../../src/runtime/worker.ts";
import { isLong } from "../long.ts";
import { testSchemas } from "../postgres/schemas.ts";
import { chaosAgent, effectsIn } from "./chaos-agent.ts";
import type { CrashPlan, CrashPoint } from "./crash-plan.ts";
import { CrashProcess } from "./crash-process.ts";
import { openPlace } from "./open-place.ts";
import { changedSince, rowsOf } from "./rows.ts";

const project = "p";
const session = { project, session: "s" };
const hourMs = 3_600_000;
let folder: string;
let place: string;
let effects: string;
let store: Store;
let rival: CrashProcess;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-rivals-"));
  effects = join(folder, "effects");
  rival = new CrashProcess();
});
afterEach(async () => {
  rival.kill("SIGKILL");
  await rival.closed;
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Where the process is when it is paused; all but the last before its result is durable. */
const pauses: readonly [string, CrashPoint][] = [
  ["has just claimed", { of: "claim", nth: 1, at: "after", stopOnly: true }],
  ["is about to write", { of: "stage", nth: 1, at: "before", stopOnly: true }],
  ["is in mid-run", { of: "stage", nth: 2, at: "after", stopOnly: true }],
  ["is about to begin a step", { of: "step", nth: 1, at: "before", stopOnly: true }],
];

/** To be waited out; long enough that a process keeps it, on a busy machine too. */
const shortLeaseMs = 750;
const schemas = testSchemas();
const places: Readonly<Record<string, () => string>> = {
  "a SQLite file": () => join(folder, "holdfast.db"),
  ...(isLong && { PostgreSQL: () => schemas.next() }),
};

describe.each(Object.entries(places))("on %s", (_driver, placeOf) => {
  beforeEach(async () => {
    place = placeOf();
    store = await openPlace(place);
  });

  describe("a process that is paused past its lease", () => {
    test.each(pauses)("and %s ends as lost, writes nothing, and another one commits", async (_, crash) => {
      await pausedPastItsLease({ crash });
      await reconcile({ store, owner: "successor" });
      const ended = await succeed();
      expect(ended).toMatchObject([{ as: "committed" }]);
      const [before, done] = [await rowsOf(place), effectsIn(effects)];
      await goesOn();
      expect(rival.said("ended")).toMatchObject([{ as: "lost" }]);
      expect(await changedSince(before, place)).toEqual([]);
      expect(effectsIn(effects)).toEqual(done);
      expect(await committedRuns()).toMatchObject([{ attempt: 2, worker: "successor" }]);
      expect(effectsIn(effects)).toMatchObject([{ owner: "successor" }]);
    });

    test("and has begun an unsafe step leaves its run held: nobody does the step a second time", async () => {
      await pausedPastItsLease({
        crash: { of: "step", nth: 1, at: "after", stopOnly: true },
        prompt: "say One.; tool Pay unsafe; say Two.",
      });
      const { runs } = await reconcile({ store, owner: "successor" });
      expect(runs).toMatchObject([{ result: "held", reason: "step_unknown" }]);
      expect(await succeed()).toEqual([]);
      await goesOn();
      expect(effectsIn(effects)).toEqual([]);
      expect(rival.said("ended")).toMatchObject([{ as: "lost" }]);
      expect(await committedRuns()).toEqual([]);
    });

    test("and is about to commit finds its own boundary made by recovery, once and with the same receipt", async () => {
      await pausedPastItsLease({ crash: { of: "commit", nth: 1, at: "before", stopOnly: true } });
      const { runs } = await reconcile({ store, owner: "successor" });
      expect(runs).toMatchObject([{ result: "committed" }]);
      const before = await rowsOf(place);
      const [run] = await committedRuns();
      await goesOn();
      expect(await changedSince(before, place)).toEqual([]);
      expect(rival.said("committed")).toEqual([{ said: "committed", run: run!.id, receipt: run!.receipt }]);
    });

    test("and is about to commit what an operator has discarded ends as lost, and writes nothing", async () => {
      await pausedPastItsLease({ crash: { of: "commit", nth: 1, at: "before", stopOnly: true } });
      const [run] = (await store.runs({ session })).runs;
      const { epoch } = await store.acquireLease({ session, owner: "operator", leaseMs: 1000 });
      const { parts } = await store.tail({ run: run!.id });
      const end = { session, run: run!.id, epoch, parts, reason: "no", actor: "operator" };
      await store.endRun({ ...end, as: "discarded", requeue: false });
      const before = await rowsOf(place);
      await goesOn();
      expect(await changedSince(before, place)).toEqual([]);
      expect(rival.said("ended")).toMatchObject([{ as: "lost" }]);
      expect((await store.read({ log: { ...session, log: "" } })).entries).toEqual([]);
    });
  });

  describe("a process whose clock is wrong", () => {
    test("by an hour behind is taken over at once, and only the successor commits", async () => {
      await begins({ leaseMs: 60_000, aheadMs: -hourMs, crash: inMidRun });
      expect(await store.lease(session)).toBe(null);
      await reconcile({ store, owner: "successor" });
      expect(await succeed()).toMatchObject([{ as: "committed" }]);
      const before = await rowsOf(place);
      await goesOn();
      expect(await changedSince(before, place)).toEqual([]);
      expect(rival.said("ended")).toMatchObject([{ as: "lost" }]);
      expect(await committedRuns()).toMatchObject([{ worker: "successor" }]);
    });

    test("by an hour ahead keeps its session, and only it commits", async () => {
      await begins({ leaseMs: 60_000, aheadMs: hourMs, crash: inMidRun });
      expect(await reconcile({ store, owner: "successor" })).toMatchObject({ looked: 1, live: 1, runs: [] });
      expect(await succeed()).toEqual([]);
      await goesOn();
      expect(rival.said("ended")).toMatchObject([{ as: "committed" }]);
      expect(await committedRuns()).toMatchObject([{ attempt: 1, worker: "rival" }]);
    });

    test("by an hour ahead takes a live session over, and the first holder ends as lost", async () => {
      await begins({ leaseMs: 60_000, aheadMs: 0, crash: inMidRun });
      const ahead = await openPlace(place, { now: () => Date.now() + hourMs });
      await reconcile({ store: ahead, owner: "successor" });
      expect(await succeed(ahead)).toMatchObject([{ as: "committed" }]);
      await ahead.close();
      const before = await rowsOf(place);
      await goesOn();
      expect(await changedSince(before, place)).toEqual([]);
      expect(rival.said("ended")).toMatchObject([{ as: "lost" }]);
      expect(await committedRuns()).toMatchObject([{ worker: "successor" }]);
    });
  });

  describe("two processes at once", () => {
    test("that take the same inputs run each of them once", async () => {
      const other = new CrashProcess();
      const names = Array.from({ length: 6 }, (_, index) => `s${index}`);
      const inputs = names.flatMap((name) => [inputOf(name, "0", fiveVerbs), inputOf(name, "1", fiveVerbs)]);
      for (const process of [rival, other]) await process.until(() => process.said("ready").length > 0);
      rival.begin(planOf({ inputs, owner: "rival" }));
      other.begin(planOf({ inputs, owner: "other" }));
      await rival.closed;
      await other.closed;
      expect([rival.said("done").length, other.said("done").length]).toEqual([1, 1]);
      const { runs } = await store.runs({ limit: 1000 });
      expect(runs.map(({ state }) => state)).toEqual(Array.from({ length: 12 }, () => "committed"));
      expect(new Set(runs.map(({ worker }) => worker)).size).toBe(2);
      const keys = effectsIn(effects).map(({ key }) => key);
      expect(keys.length).toBe(12);
      expect(new Set(keys).size).toBe(12);
    });

    test("that recover the same runs end each of them once", async () => {
      const inputs = Array.from({ length: 8 }, (_, index) => inputOf(`s${index}`, "0", fiveVerbs));
      await begins({
        inputs,
        leaseMs: shortLeaseMs,
        maxRuns: 8,
        crash: { of: "commit", nth: 3, at: "before" },
      });
      await rival.closed;
      await lapsed();
      const reports = await Promise.all(
        ["one", "two", "three", "four"].map(async (owner) => {
          await using own = closing(await openPlace(place));
          return await reconcile({ store: own.store, owner });
        }),
      );
      const done = reports.flatMap(({ runs }) => runs).filter(({ result }) => result !== "skipped");
      expect(done.every(({ result }) => result === "committed" || result === "interrupted")).toBe(true);
      expect(new Set(done.map(({ run }) => run.id)).size).toBe(done.length);
      expect((await store.runs({ state: "running" })).runs).toEqual([]);
      const ends = (await store.audit({ limit: 1000 })).filter(({ verb }) => verb === "run_interrupted");
      expect(new Set(ends.map(({ run }) => run)).size).toBe(ends.length);
    });
  });
});

const inMidRun: CrashPoint = { of: "stage", nth: 2, at: "after", stopOnly: true };
const fiveVerbs = "say One.; tool Put idempotent; say Two.; usage 3 4; say Three.";

function inputOf(name: string, key: string, prompt: string): CrashPlan["inputs"][number] {
  return { session: { project, session: name }, key, body: JSON.stringify({ prompt }) };
}

function planOf(plan: Partial<CrashPlan>): CrashPlan {
  const inputs = [inputOf("s", "k", fiveVerbs)];
  return {
    place,
    effects,
    owner: "rival",
    leaseMs: 60_000,
    aheadMs: 0,
    maxRuns: 2,
    work: "inputs",
    project,
    inputs,
    ...plan,
  };
}

/** Starts the rival, and waits until it is stopped where its plan says. */
async function begins(plan: Partial<CrashPlan>): Promise<void> {
  await rival.until(() => rival.said("ready").length > 0);
  rival.begin(planOf(plan));
  if (plan.crash?.stopOnly === true) await rival.stopped();
  else await rival.closed;
  expect(rival.said("failed")).toEqual([]);
  expect(rival.said("dies").length).toBe(1);
}

/** The store's clock is the machine's here: what passes is real time, on both sides. */
async function pausedPastItsLease({
  crash,
  prompt = fiveVerbs,
}: {
  crash: CrashPoint;
  prompt?: string;
}): Promise<void> {
  await begins({ crash, leaseMs: shortLeaseMs, inputs: [inputOf("s", "k", prompt)] });
  await lapsed();
}

async function lapsed(): Promise<void> {
  const { runs } = await store.runs({ state: "running", limit: 1000 });
  for (const { project: of, session: name } of runs)
    while ((await store.lease({ project: of, session: name })) !== null)
      await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Another worker takes what there is. */
async function succeed(on = store): Promise<readonly Ended[]> {
  const ended: Ended[] = [];
  const owner = "successor";
  const agents = [chaosAgent({ effects, owner, clock: { now: () => Date.now() } })];
  await new Worker({ store: on, agents, owner, onEnd: (_claim, how) => void ended.push(how) }).drain();
  return ended;
}

/** Lets the rival go on to its end. */
async function goesOn(): Promise<void> {
  rival.kill("SIGCONT");
  await rival.closed;
  expect(rival.said("failed")).toEqual([]);
  expect(rival.said("done").length).toBe(1);
}

async function committedRuns(): Promise<readonly Run[]> {
  return (await store.runs({ state: "committed" })).runs;
}

function closing(own: Store): AsyncDisposable & { readonly store: Store } {
  return { store: own, [Symbol.asyncDispose]: () => own.close() };
}
