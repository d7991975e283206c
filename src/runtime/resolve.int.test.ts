import { afterAll, describe, expect, test } from "vitest";
import { openCalls, readTranscript } from "../core/transcript.ts";
import { bodiesOf, logKey, refused, sessionKey } from "../testing/store-suite/samples.ts";
import { leaseMs } from "../testing/store-suite/work-samples.ts";
import {
  beginRun,
  dumpOf,
  leave,
  Stores,
  stoppedClock,
  storeWith,
  tails,
} from "../../test/runtime/recovery.ts";
import { reconcile } from "./reconcile.ts";
import { resolveRun, type ResolveRunParams } from "./resolve.ts";

const stores = new Stores();
afterAll(() => stores[Symbol.dispose]());

const ways = ["commit", "discard", "resume"] as const;
const ends = { commit: "committed", discard: "discarded", resume: "interrupted" } as const;
const by = { actor: "ops", reason: "Looked at it.", owner: "cli" };

describe.each(stores.all)("resolveRun on $driver", ({ open }) => {
  async function fresh() {
    const clock = stoppedClock();
    return { clock, store: await open(clock) };
  }

  async function heldRun(kind: keyof typeof tails = "corrupt") {
    const { clock, store } = await fresh();
    const { a } = await leave(store, clock, { a: kind });
    await reconcile({ store, owner: "r" });
    const run = a!.run.id;
    expect(await store.run({ run })).toMatchObject({ state: "held" });
    const resolve = (as: ResolveRunParams["as"]) => resolveRun({ store, run, as, ...by });
    return { clock, store, run, resolve };
  }

  test("As commit publishes exactly what was staged, answers the input, and says who decided.", async () => {
    const { store, run, resolve } = await heldRun();
    const result = await resolve("commit");
    expect(result).toMatchObject({ run: { state: "committed" }, input: "consumed", alreadyClosed: false });
    expect(result.run).toEqual(await store.run({ run }));
    expect(JSON.parse(result.run.outcome!)).toEqual({
      type: "result",
      ok: true,
      text: by.reason,
      stop: "resolved",
      actor: "ops",
      run,
    });
    expect(result.run.receipt).toMatchObject({ entries: 8, revision: 1 });
    expect(await bodiesOf(store, logKey("a"))).toHaveLength(2);
    expect(await bodiesOf(store, logKey("a", `@run/${run}`))).toHaveLength(6);
    expect(await store.inputs({})).toMatchObject([{ state: "consumed" }]);
    expect(await store.session(sessionKey("a"))).toMatchObject({ resumeToken: "resume a" });
    expect(await store.audit({ limit: 1 })).toMatchObject([
      { verb: "run_committed", ...actorAndReason, run },
    ]);
    expect(await store.lease(sessionKey("a"))).toBeNull();
  });

  test("As commit closes what was left open, in the same boundary, so that its provider can go on.", async () => {
    const { clock, store } = await fresh();
    const { a } = await leave(store, clock, { a: "open" });
    const { run } = await resolveRun({ store, run: a!.run.id, as: "commit", ...by });
    expect(run).toMatchObject({ state: "committed", receipt: { entries: 7 } });
    const transcript = readTranscript("scripted", await bodiesOf(store, logKey("a")));
    expect(openCalls(transcript)).toEqual([]);
    expect(transcript.said.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
  });

  test("As discard keeps what was staged out of the session, and gives the input up.", async () => {
    const { store, run, resolve } = await heldRun();
    expect(await resolve("discard")).toMatchObject({
      run: { state: "discarded", reason: by.reason },
      input: "abandoned",
      alreadyClosed: false,
    });
    expect(await store.read({ log: logKey("a") })).toMatchObject({ entries: [], head: 0 });
    expect(await bodiesOf(store, logKey("a", `@discarded/${run}/`))).toHaveLength(2);
    expect(await bodiesOf(store, logKey("a", `@discarded/${run}/@run/${run}`))).toHaveLength(6);
    expect(await store.inputs({})).toMatchObject([{ state: "abandoned", reason: by.reason }]);
    expect(await store.audit({ limit: 1 })).toMatchObject([
      { verb: "run_discarded", ...actorAndReason, run },
    ]);
    // It was paid for all the same.
    expect(await store.usage({ by: "model" })).toMatchObject([{ responses: 1, tokens: { output: 7 } }]);
  });

  test("As resume closes what was staged, and lets the input be tried again.", async () => {
    const { clock, store } = await fresh();
    const claim = await beginRun(store, "a");
    await tails.open(store, claim);
    const { id: run } = claim.run;
    clock.advance(leaseMs);
    await store.append({ log: logKey("b"), entries: [{ body: "{}" }] });
    const result = await resolveRun({ store, run, as: "resume", ...by });
    expect(result).toMatchObject({ run: { state: "interrupted" }, input: "queued", alreadyClosed: false });
    const transcript = readTranscript("scripted", await bodiesOf(store, logKey("a")));
    expect(openCalls(transcript)).toEqual([]);
    expect(transcript.said.at(-1)?.role).toBe("assistant");
    expect(await store.audit({ limit: 1 })).toMatchObject([
      { verb: "run_interrupted", ...actorAndReason, run },
    ]);
    expect((await beginRun(store, "a")).run.attempt).toBe(2);
  });

  test("As resume lets the input be tried again also after its third run.", async () => {
    const { clock, store } = await fresh();
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      await leave(store, clock, { a: attempt === 3 ? "corrupt" : "open" });
      await reconcile({ store, owner: "r" });
    }
    const { runs } = await store.runs({ state: "held" });
    const result = await resolveRun({ store, run: runs[0]!.id, as: "resume", ...by });
    expect(result).toMatchObject({ run: { attempt: 3 }, input: "queued" });
    expect((await beginRun(store, "a")).run).toMatchObject({ attempt: 4 });
  });

  for (const as of ways) {
    test(`As ${as} a second time changes nothing; otherwise it is refused.`, async () => {
      const { clock, store, run, resolve } = await heldRun();
      await resolve(as);
      clock.advance(leaseMs);
      const before = await dumpOf(store, ["a"]);
      const again = await resolve(as);
      expect(again).toEqual({ run: await store.run({ run }), alreadyClosed: true });
      for (const other of ways.filter((way) => way !== as)) {
        const error = await refused("run_closed", () => resolve(other));
        expect(error.data).toMatchObject({ run, state: ends[as] });
      }
      expect(await dumpOf(store, ["a"])).toEqual(before);
    });

    test(`As ${as} is refused while the session is leased, and names who has it.`, async () => {
      const { store } = await fresh();
      const { run } = await beginRun(store, "a");
      const before = await dumpOf(store, ["a"]);
      const error = await refused("session_busy", () => resolveRun({ store, run: run.id, as, ...by }));
      expect(error.data).toMatchObject({ owner: "w-1" });
      expect(await dumpOf(store, ["a"])).toEqual(before);
    });

    test(`As ${as} ends a run whose lease has lapsed, before recovery looks at it.`, async () => {
      const { clock, store } = await fresh();
      const { a } = await leave(store, clock, { a: "done" });
      const result = await resolveRun({ store, run: a!.run.id, as, ...by });
      expect(result.run.state).toBe(ends[as]);
      expect(await reconcile({ store, owner: "r" })).toMatchObject({ looked: 0, held: 0 });
    });

    test(`As ${as} by several operators at once happens once.`, async () => {
      const { store, run, resolve } = await heldRun();
      const results = await Promise.allSettled(Array.from({ length: 4 }, () => resolve(as)));
      const done = results.filter((one) => one.status === "fulfilled").map(({ value }) => value);
      expect(done.filter(({ alreadyClosed }) => !alreadyClosed)).toHaveLength(1);
      for (const one of results)
        if (one.status === "rejected") expect(["session_busy", "run_closed"]).toContain(one.reason.code);
      const decided = (await store.audit()).filter(({ verb }) => verb !== "run_held");
      expect(decided).toHaveLength(1);
      expect(await store.run({ run })).toMatchObject({ state: ends[as] });
    });

    test(`As ${as} that fails leaves the run held and its session free.`, async () => {
      const { store, run } = await heldRun();
      const broken = (): Promise<never> => Promise.reject(new Error("Broken."));
      const failing = storeWith(store, { commit: broken, endRun: broken });
      await expect(resolveRun({ store: failing, run, as, ...by })).rejects.toThrow(/Broken/);
      expect(await store.run({ run })).toMatchObject({ state: "held" });
      expect(await store.lease(sessionKey("a"))).toBeNull();
    });

    test(`As ${as} of a run that there is not is refused.`, async () => {
      const { store } = await fresh();
      await refused("run_unknown", () => resolveRun({ store, run: "none", as, ...by }));
      await refused("invalid_lease", () => resolveRun({ store, run: "none", as, ...by, owner: "" }));
    });
  }

  test("A hold blocks its own session alone, until it is resolved.", async () => {
    const { store, resolve } = await heldRun();
    await store.admit({ session: sessionKey("a"), key: "next", body: "{}", provider: "scripted" });
    expect(await store.claim({ worker: "w", leaseMs })).toBeNull();
    expect((await beginRun(store, "b")).run.session).toBe("b");
    await resolve("discard");
    expect(await store.claim({ worker: "w", leaseMs })).toMatchObject({ input: { key: "next" } });
  });

  test("A session that goes on after a discard takes the same entries again.", async () => {
    const { store, run, resolve } = await heldRun();
    const discarded = await (async () => {
      await resolve("discard");
      return (await store.read({ log: logKey("a", `@discarded/${run}/`) })).entries;
    })();
    const entries = discarded.map(({ body, uuid }) => ({ body, uuid }));
    expect(await store.append({ log: logKey("a"), entries })).toMatchObject({ appended: 2, duplicates: 0 });
  });
});

const actorAndReason = { actor: by.actor, reason: by.reason };
