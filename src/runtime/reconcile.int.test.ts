import { afterAll, describe, expect, test } from "vitest";
import { HoldfastError } from "../core/errors.ts";
import { openCalls, readTranscript } from "../core/transcript.ts";
import { bodiesOf, logKey, refused, sessionKey } from "../testing/store-suite/samples.ts";
import { commitOf, endOf, leaseMs, takeOver } from "../testing/store-suite/work-samples.ts";
import {
  beginRun,
  dumpOf,
  leave,
  recordStep,
  said,
  stageEvents,
  Stores,
  stoppedClock,
  storeWith,
  tails,
  toolResult,
  toolUse,
} from "../../test/runtime/recovery.ts";
import { stage } from "../testing/store-suite/work-samples.ts";
import { reconcile } from "./reconcile.ts";

const stores = new Stores();
afterAll(() => stores[Symbol.dispose]());

describe.each(stores.all)("reconcile on $driver", ({ open }) => {
  async function fresh() {
    const clock = stoppedClock();
    return { clock, store: await open(clock) };
  }

  test("A run that left its own result is committed with all that it staged.", async () => {
    const { clock, store } = await fresh();
    const { a } = await leave(store, clock, { a: "done" });
    const report = await reconcile({ store, owner: "r", priceOf: () => 9 });
    expect(report).toMatchObject({ dryRun: false, looked: 1, live: 0, held: 0, more: false });
    expect(report.runs).toEqual([{ run: a!.run, result: "committed", entries: 7 }]);
    const run = await store.run({ run: a!.run.id });
    expect(run).toMatchObject({ state: "committed", receipt: { entries: 7, revision: 1 } });
    const events = await bodiesOf(store, logKey("a", `@run/${a!.run.id}`));
    expect(run?.outcome).toBe(events.at(-1));
    expect(await bodiesOf(store, logKey("a"))).toHaveLength(2);
    expect(await store.session(sessionKey("a"))).toMatchObject({ revision: 1, resumeToken: "resume a" });
    expect((await store.inputs({}))[0]).toMatchObject({ state: "consumed", attempts: 1 });
    expect(await store.audit()).toMatchObject([{ verb: "run_committed", actor: "r", run: a!.run.id }]);
    expect(await store.usage({ by: "model" })).toMatchObject([
      { name: "m", responses: 1, tokens: { input: 5, output: 7 }, microDollars: 9 },
    ]);
  });

  test("A run that stopped in a tool call is closed so that its provider can go on, and its input waits again.", async () => {
    const { clock, store } = await fresh();
    const { a } = await leave(store, clock, { a: "open" });
    const report = await reconcile({ store, owner: "r" });
    expect(report.runs).toEqual([{ run: a!.run, result: "interrupted", closers: 2, input: "queued" }]);
    const bodies = await bodiesOf(store, logKey("a"));
    const transcript = readTranscript("scripted", bodies);
    expect(openCalls(transcript)).toEqual([]);
    expect(transcript.said.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
    // Its event names a step, which the journal does not know.
    expect(bodies[2]).toContain("tool_not_started");
    expect(await store.inputs({})).toMatchObject([{ state: "queued", attempts: 1 }]);
    expect(await store.run({ run: a!.run.id })).toMatchObject({ state: "interrupted" });
    expect(await store.session(sessionKey("a"))).toMatchObject({ revision: 0, entries: 4 });
    expect(await store.usage({ by: "model" })).toMatchObject([{ responses: 1, tokens: { output: 4 } }]);
    expect(await store.audit()).toMatchObject([{ verb: "run_interrupted", actor: "r", run: a!.run.id }]);
    expect((await beginRun(store, "a")).run.attempt).toBe(2);
  });

  test.for([
    ["started", "idempotent", "tool_outcome_unknown"],
    ["result", "unsafe", "paid"],
  ] as const)(
    "A call whose step is in the journal as %s (%s) is closed as %s.",
    async ([type, effect, told]) => {
      const { clock, store } = await fresh();
      const claim = await beginRun(store, "a");
      await recordStep(store, claim, { type, effect });
      await tails.open(store, claim);
      clock.advance(leaseMs);
      await reconcile({ store, owner: "r" });
      expect((await bodiesOf(store, logKey("a")))[2]).toContain(told);
    },
  );

  test("A run that staged nothing is interrupted, and shows nothing of its session.", async () => {
    const { clock, store } = await fresh();
    await leave(store, clock, { a: "empty" });
    const { runs } = await reconcile({ store, owner: "r" });
    expect(runs).toMatchObject([{ result: "interrupted", closers: 0, input: "queued" }]);
    expect(await store.session(sessionKey("a"))).toBeNull();
  });

  test("A result that could be read in two ways is held, and named, until an operator decides.", async () => {
    const cases = {
      event_undecodable: tails.corrupt,
      event_foreign: async (store, claim) => {
        await tails.open(store, claim);
        await stage(
          store,
          claim,
          [{ body: '{"type":"user","text":"x","run":"other"}' }],
          `@run/${claim.run.id}`,
        );
      },
      entry_undecodable: async (store, claim) => {
        await stage(store, claim, [{ body: "{broken}" }]);
      },
      step_unknown: async (store, claim) => {
        await recordStep(store, claim, { type: "started", effect: "unsafe" });
        await tails.open(store, claim);
      },
      result_orphan: async (store, claim) => {
        await stage(store, claim, [said(claim, 1, "user", "x"), toolResult(claim, 2, "never made")]);
      },
      after_terminal: async (store, claim) => {
        await tails.done(store, claim);
        await stageEvents(store, claim, [{ type: "assistant", text: "And more." }]);
      },
      call_open: async (store, claim) => {
        await stage(store, claim, [said(claim, 1, "user", "x"), toolUse(claim, 2, "c")]);
        await stageEvents(store, claim, [{ type: "result", ok: true, text: "Done." }]);
      },
    } satisfies Record<string, (typeof tails)["done"]>;
    const { clock, store } = await fresh();
    for (const [reason, make] of Object.entries(cases)) await make(store, await beginRun(store, reason));
    clock.advance(leaseMs);
    const { runs, held } = await reconcile({ store, owner: "r" });
    expect(held).toBe(Object.keys(cases).length);
    for (const one of runs) {
      const reason = one.run.session;
      expect(one).toMatchObject({ result: "held", reason });
      const run = await store.run({ run: one.run.id });
      expect(run).toMatchObject({ state: "held", reason: expect.stringMatching(`^${reason}: `) });
      expect(await store.read({ log: logKey(reason) })).toMatchObject({ entries: [], head: 0 });
      expect(await store.lease(sessionKey(reason))).toBeNull();
    }
    expect((await store.audit()).map(({ verb }) => verb)).toEqual(runs.map(() => "run_held"));
    const before = await dumpOf(store, Object.keys(cases));
    expect(await reconcile({ store, owner: "r" })).toMatchObject({ looked: 0, runs: [], held });
    expect(await dumpOf(store, Object.keys(cases))).toEqual(before);
  });

  test("One run that cannot be read keeps none of the others from being recovered.", async () => {
    const { clock, store } = await fresh();
    const kinds = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`s${n}`, n === 20 ? "corrupt" : n % 2 === 0 ? "done" : "open"]),
    ) as Record<string, keyof typeof tails>;
    await leave(store, clock, kinds);
    const { runs } = await reconcile({ store, owner: "r" });
    expect(Object.fromEntries(runs.map(({ run, result }) => [run.session, result]))).toEqual(
      Object.fromEntries(
        Object.entries(kinds).map(([session, kind]) => [
          session,
          { done: "committed", open: "interrupted", corrupt: "held", empty: "" }[kind],
        ]),
      ),
    );
  });

  test("A run whose lease is live is left alone, by its own worker's or by another's.", async () => {
    const { clock, store } = await fresh();
    await leave(store, clock, { own: "done", other: "done" });
    const own = await store.acquireLease({ session: sessionKey("own"), owner: "w-1", leaseMs });
    await store.acquireLease({ session: sessionKey("other"), owner: "dead reconciler", leaseMs });
    const before = await dumpOf(store, ["own", "other"]);
    for (const dryRun of [false, true])
      expect(await reconcile({ store, owner: "r", dryRun })).toMatchObject({ looked: 2, live: 2, runs: [] });
    expect(await dumpOf(store, ["own", "other"])).toEqual(before);
    await store.renewLease({ session: sessionKey("own"), epoch: own.epoch, leaseMs });
    clock.advance(leaseMs);
    const { runs } = await reconcile({ store, owner: "r" });
    expect(runs.map(({ result }) => result)).toEqual(["committed", "committed"]);
  });

  test("A run whose lease was cleared by an operator is recovered at once.", async () => {
    const { store } = await fresh();
    await tails.done(store, await beginRun(store, "a"));
    await store.clearLease({ session: sessionKey("a"), actor: "ops" });
    expect((await reconcile({ store, owner: "r" })).runs).toMatchObject([{ result: "committed" }]);
  });

  test("Runs that have ended stay as they are.", async () => {
    const { clock, store } = await fresh();
    const claims = await leave(store, clock, {
      committed: "done",
      interrupted: "open",
      discarded: "open",
      held: "open",
    });
    await commitOf(store, await takeOver(store, claims["committed"]!));
    for (const as of ["interrupted", "discarded", "held"] as const)
      await endOf(store, await takeOver(store, claims[as]!), as);
    const before = await dumpOf(store, Object.keys(claims));
    expect(await reconcile({ store, owner: "r" })).toMatchObject({ looked: 0, runs: [], held: 1 });
    expect(await dumpOf(store, Object.keys(claims))).toEqual(before);
  });

  test("A dry run says what would be done, and writes nothing.", async () => {
    const { clock, store } = await fresh();
    const kinds = { a: "done", b: "open", c: "corrupt", d: "empty" } as const;
    await leave(store, clock, kinds);
    const before = await dumpOf(store, Object.keys(kinds));
    const foreseen = await reconcile({ store, owner: "r", dryRun: true });
    expect(await dumpOf(store, Object.keys(kinds))).toEqual(before);
    expect(foreseen).toMatchObject({ dryRun: true, looked: 4, held: 0 });
    const done = await reconcile({ store, owner: "r" });
    expect(done.runs).toEqual(foreseen.runs);
    expect(done.held).toBe(1);
  });

  test("An input is tried three times, then abandoned with its reason.", async () => {
    const { clock, store } = await fresh();
    for (const attempt of [1, 2, 3]) {
      const { a } = await leave(store, clock, { a: "open" });
      expect(a!.run.attempt).toBe(attempt);
      const { runs } = await reconcile({ store, owner: "r" });
      expect(runs).toMatchObject([{ result: "interrupted", input: attempt === 3 ? "abandoned" : "queued" }]);
    }
    expect(await store.inputs({})).toMatchObject([
      { state: "abandoned", attempts: 3, reason: expect.stringMatching(/w-1 lapsed/) },
    ]);
    expect(await store.claim({ worker: "w", leaseMs })).toBeNull();
  });

  test("An input whose cancel was asked for ends with its interrupted run.", async () => {
    const { clock, store } = await fresh();
    const { a } = await leave(store, clock, { a: "open" });
    await store.cancel({ session: sessionKey("a"), input: a!.input.id, actor: "ops", reason: "Not wanted." });
    const [foreseen] = (await reconcile({ store, owner: "r", dryRun: true })).runs;
    const [done] = (await reconcile({ store, owner: "r" })).runs;
    expect(done).toEqual(foreseen);
    expect(done).toMatchObject({ result: "interrupted", input: "cancelled" });
  });

  test("A run that fails is told with its code, keeps no lease, and is recovered by the next.", async () => {
    const { clock, store } = await fresh();
    await leave(store, clock, { a: "open", b: "open", c: "done" });
    const full = new HoldfastError({ code: "store_full", message: "Full.", next: "Wait." });
    const failing = storeWith(store, {
      endRun: async (params) => {
        if (params.session.session === "b") throw full;
        return await store.endRun(params);
      },
    });
    const { runs } = await reconcile({ store: failing, owner: "r" });
    expect(runs).toMatchObject([
      { run: { session: "c" }, result: "committed" },
      { run: { session: "b" }, result: "failed", code: "store_full", message: "Full. Wait." },
      { run: { session: "a" }, result: "interrupted" },
    ]);
    expect(await store.lease(sessionKey("b"))).toBeNull();
    expect((await reconcile({ store, owner: "r" })).runs).toMatchObject([{ result: "interrupted" }]);
  });

  test("A limit ends no more runs than it says, and no run that fails takes another's place.", async () => {
    const { clock, store } = await fresh();
    await leave(store, clock, { a: "open", b: "open", c: "open", d: "open" });
    const seen: string[] = [];
    const failing = storeWith(store, {
      endRun: async (params) => {
        if (params.session.session === "d") throw new Error("Broken.");
        return await store.endRun(params);
      },
    });
    const onProgress = ({ run, result }: { run: { session: string }; result: string }): void =>
      void seen.push(`${run.session} ${result}`);
    const first = await reconcile({ store: failing, owner: "r", limit: 2, onProgress });
    expect(first).toMatchObject({ more: true });
    expect(seen).toEqual(["d failed", "c interrupted", "b interrupted"]);
    expect(first.runs[0]).toMatchObject({ code: "unexpected", message: expect.stringMatching(/Broken/) });
    const second = await reconcile({ store, owner: "r", limit: 2, onProgress });
    expect(second).toMatchObject({ more: false });
    expect(seen.slice(3)).toEqual(["d interrupted", "a interrupted"]);
  });

  test("Every page of runs is walked.", { timeout: 120_000 }, async () => {
    const { clock, store } = await fresh();
    const sessions = Array.from({ length: 1100 }, (_, n) => `s${n}`);
    await Promise.all(sessions.map((session) => beginRun(store, session)));
    clock.advance(leaseMs);
    const report = await reconcile({ store, owner: "r" });
    expect(report.looked).toBe(1100);
    expect(new Set(report.runs.map(({ run }) => run.session)).size).toBe(1100);
    expect((await store.runs({ state: "running" })).runs).toEqual([]);
  });

  test("A tail of many pages is read whole, and the lease outlives the reading.", async () => {
    const { clock, store } = await fresh();
    const claim = await beginRun(store, "a");
    const events = Array.from({ length: 1200 }, (_, n) => ({ type: "assistant", text: `${n}` }) as const);
    await stageEvents(store, claim, [...events, { type: "result", ok: true, text: "Done." }]);
    clock.advance(leaseMs);
    const slow = storeWith(store, {
      read: async (params) => {
        clock.advance(600);
        return await store.read(params);
      },
    });
    const { runs } = await reconcile({ store: slow, owner: "r", leaseMs: 1000 });
    expect(runs).toMatchObject([{ result: "committed", entries: 1201 }]);
  });

  test("A tail that has changed since it was read is read and judged again, three times at most.", async () => {
    const { clock, store } = await fresh();
    await leave(store, clock, { a: "done" });
    let stale = 2;
    let reads = 0;
    // Shows what was there before the run staged anything.
    const late = storeWith(store, {
      tail: async (params) => {
        reads += 1;
        const tail = await store.tail(params);
        return (stale -= 1) >= 0 ? { ...tail, parts: [] } : tail;
      },
    });
    expect((await reconcile({ store: late, owner: "r" })).runs).toMatchObject([{ result: "committed" }]);
    expect(reads).toBe(3);

    await leave(store, clock, { b: "done" });
    [stale, reads] = [Infinity, 0];
    const before = await bodiesOf(store, logKey("b"));
    const { runs } = await reconcile({ store: late, owner: "r" });
    expect(runs).toMatchObject([{ result: "failed", code: "tail_mismatch" }]);
    expect(reads).toBe(3);
    expect(await bodiesOf(store, logKey("b"))).toEqual(before);
    expect(await store.lease(sessionKey("b"))).toBeNull();
  });

  test("Title and summary are folded as the agent folds them, and a fold that throws stops no recovery.", async () => {
    const { clock, store } = await fresh();
    await leave(store, clock, { a: "done", b: "done" });
    const { runs } = await reconcile({
      store,
      owner: "r",
      foldOf:
        ({ session, provider }) =>
        (state, appended) => {
          if (session.session === "b") throw new Error("Not in my shape.");
          return { ...state, title: `${provider} ${appended.length}` };
        },
    });
    expect(runs.map(({ result }) => result)).toEqual(["committed", "committed"]);
    expect((await store.session(sessionKey("a")))?.title).toBe("scripted 2");
    expect(await store.session(sessionKey("b"))).toMatchObject({ title: null, summary: null, mainHead: 2 });
  });

  test("A lease or a limit that makes no sense is refused before anything is looked at.", async () => {
    const { store } = await fresh();
    await refused("invalid_lease", () => reconcile({ store, owner: "" }));
    await refused("invalid_lease", () => reconcile({ store, owner: "r", leaseMs: 0 }));
    await refused("invalid_limit", () => reconcile({ store, owner: "r", limit: 0 }));
  });
});
