import { describe, expect, it } from "vitest";
import { onEachStore } from "../../test/runtime/each-store.ts";
import { isHoldfastError } from "../core/errors.ts";
import type { Change, Store } from "../core/store.ts";
import { appendTo, plain, sessionKey } from "../testing/store-suite/samples.ts";
import { bySession, type Projection } from "./projection.ts";
import { ProjectionRunner } from "./projection-runner.ts";
import type { Timers } from "./timers.ts";

onEachStore(({ open, again, tries }) => {
  describe("a runner of projections", () => {
    it("applies each change once in effect, wherever it is killed", async () => {
      const calls = { count: 0 };
      const whole = await historyOn(open());
      await runnerOf(failing(whole, Infinity, "before", calls), 3).catchUp();
      const wanted = await countsIn(whole);
      expect(wanted).toEqual(await changesIn(whole));
      const step = Math.round(calls.count / tries(calls.count));
      for (const when of ["before", "after"] as const) {
        for (let at = 1; at <= calls.count; at += step) {
          const store = await historyOn(open());
          const dead = runnerOf(failing(store, at, when), 3).catchUp();
          await expect(dead).rejects.toThrow("killed");
          await runnerOf(store, 4).catchUp();
          expect(await countsIn(store), `killed ${when} call ${at}`).toEqual(wanted);
        }
      }
    });

    it("applies each change once in effect while others do the same", async () => {
      const store = await historyOn(open());
      const stores = [store, await again(store), await again(store), await again(store)];
      const runs = stores.map((each, index) => runnerOf(each, 1 + index * 2).catchUp());
      for (const [status] of await Promise.all(runs)) {
        expect(status).toMatchObject({ name: "counting", lag: 0, known: true });
        expect(status).not.toHaveProperty("error");
      }
      expect(await countsIn(store)).toEqual(await changesIn(store));
    });

    it("stops a projection right before the change that it cannot take, and no other one", async () => {
      const store = await historyOn(open());
      const broken = { session: "s-2" as string | undefined };
      const runner = new ProjectionRunner({ store, projections: [picky(broken), counting] });
      const [whole, stopped] = await runner.catchUp();
      const all = await changesOf(store);
      const at = all.find(({ session }) => session === "s-2")!.seq;
      expect(whole).toMatchObject({ name: "counting", lag: 0 });
      expect(stopped).toMatchObject({
        name: "picky",
        position: at - 1,
        lag: all.length - at + 1,
        error: `At change ${at} (appended, session s-2 of project p-1): no s-2 here`,
      });
      expect(await countsIn(store, "picky")).toEqual(countOf(all.slice(0, at - 1)));

      broken.session = undefined;
      const [, mended] = await runner.catchUp();
      expect(mended).toMatchObject({ lag: 0 });
      expect(mended).not.toHaveProperty("error");
      expect(await countsIn(store, "picky")).toEqual(countOf(all));
    });

    it("leaves a step that is stopped where it was, without an error, and the next catch-up takes it whole", async () => {
      const store = await historyOn(open());
      const stop = new AbortController();
      let applied = 0;
      const slow: Projection = {
        ...counting,
        apply: async (batch) => {
          applied += 1;
          stop.abort(new Error("It ends."));
          batch.signal?.throwIfAborted();
          return await counting.apply(batch);
        },
      };
      const runner = new ProjectionRunner({ store, projections: [slow], batchSize: 3 });
      const [stopped] = await runner.catchUp(stop.signal);
      expect(stopped).toMatchObject({ position: 0 });
      expect(stopped).not.toHaveProperty("error");
      await runner.run(stop.signal);
      expect(applied).toBe(1);
      expect((await runner.catchUp())[0]).toMatchObject({ lag: 0 });
      expect(await countsIn(store)).toEqual(await changesIn(store));
    });

    it("stops between two steps where a projection does not heed its end", async () => {
      const store = await historyOn(open());
      const stop = new AbortController();
      const deaf: Projection = {
        ...counting,
        apply: async (batch) => {
          stop.abort();
          return await counting.apply(batch);
        },
      };
      const runner = new ProjectionRunner({ store, projections: [deaf], batchSize: 3 });
      expect((await runner.catchUp(stop.signal))[0]).toMatchObject({ position: 3 });
    });

    it("forgets an error that another runner has overcome", async () => {
      const store = await historyOn(open());
      await runnerOf(store).catchUp();
      await store.setProjection({ projection: "counting", error: "too late" });
      expect((await runnerOf(store).catchUp())[0]).not.toHaveProperty("error");
    });

    it("tries a failed projection again after a time that doubles, up to the longest", async () => {
      const store = await historyOn(open());
      const broken = { session: "s-2" as string | undefined };
      const timers = new HandTimers();
      const params = { projections: [picky(broken)], timers, retryMs: 100, longestRetryMs: 350 };
      const runner = new ProjectionRunner({ store, ...params });
      const stop = new AbortController();
      const running = runner.run(stop.signal);
      for (const ms of [100, 200, 350, 350]) expect(await timers.elapse()).toBe(ms);

      await until(() => timers.waiting.length > 0);
      broken.session = undefined;
      expect(await timers.elapse()).toBe(350);
      await until(async () => (await runner.list())[0]?.lag === 0);
      broken.session = "s-2";
      await appendTo(store, "s-2", plain(1, 1));
      await until(async () => (await runner.list())[0]?.error !== undefined);
      await until(() => timers.waiting.includes(100));
      stop.abort();
      await running;
    });

    it("lets a failed projection try again at once when it is resumed", async () => {
      const store = await historyOn(open());
      const broken = { session: "s-2" as string | undefined };
      const timers = new HandTimers();
      const runner = new ProjectionRunner({ store, projections: [picky(broken)], timers });
      const stop = new AbortController();
      const running = runner.run(stop.signal);
      await until(() => timers.waiting.includes(1000));
      broken.session = undefined;
      await runner.resume("picky");
      await until(async () => (await runner.list())[0]?.lag === 0);
      stop.abort();
      await running;
    });

    it("follows what comes while others fail for ever, and ends when it is told to", async () => {
      const store = await open();
      const stop = new AbortController();
      const projections = [picky({ session: "s-1" }), counting];
      const runner = new ProjectionRunner({ store, projections, timers: new HandTimers() });
      const running = runner.run(stop.signal);
      for (let n = 1; n <= 5; n += 1) {
        await appendTo(store, "s-1", plain(1, 1));
        await until(async () => (await countsIn(store))["s-1"] === n);
      }
      expect((await runner.list()).map(({ name, position }) => [name, position])).toEqual([
        ["counting", 5],
        ["picky", 0],
      ]);
      stop.abort();
      await running;
    });

    it("leaves a paused projection where it is, whoever paused it, until it is resumed", async () => {
      const store = await historyOn(open());
      const stop = new AbortController();
      const projections = [counting, { ...counting, name: "other" }];
      const runner = new ProjectionRunner({ store, projections, timers: new HandTimers() });
      await new ProjectionRunner({ store: await again(store), projections }).pause("counting");
      const running = runner.run(stop.signal);
      for (let n = 1; n <= 5; n += 1) {
        await appendTo(store, "s-9", plain(1, 1));
        await until(async () => (await countsIn(store, "other"))["s-9"] === n);
      }
      expect((await runner.list())[0]).toMatchObject({ position: 0, paused: true });
      expect((await runner.catchUp())[0]).toMatchObject({ position: 0, paused: true });

      expect(await runner.resume("counting")).toMatchObject({ paused: false });
      await until(async () => (await countsIn(store))["s-9"] === 5);
      stop.abort();
      await running;
    });

    it("sees within its time what no change tells, such as another process that resumes", async () => {
      const store = await historyOn(open());
      const timers = new HandTimers();
      const stop = new AbortController();
      const runner = new ProjectionRunner({ store, projections: [counting], timers, lookAgainMs: 77 });
      await runner.pause("counting");
      const running = runner.run(stop.signal);
      await until(() => timers.waiting.length > 0);
      await store.setProjection({ projection: "counting", paused: false });
      expect(await timers.elapse()).toBe(77);
      await until(async () => (await runner.list())[0]?.lag === 0);
      stop.abort();
      await running;
    });

    it("ends with a typed error when the store is closed", async () => {
      const store = await historyOn(open());
      const projections = [counting, { ...counting, name: "other" }];
      const running = new ProjectionRunner({ store, projections }).run(new AbortController().signal);
      await until(async () => (await countsIn(store, "other"))["s-3"] !== undefined);
      const ended = expect(running).rejects.toSatisfy(
        (error) => isHoldfastError(error) && error.code === "store_closed",
      );
      await store.close();
      await ended;
    });

    it("builds a projection anew to the same bytes, also one that is paused or was spoiled", async () => {
      const store = await historyOn(open());
      const runner = runnerOf(store, 4);
      await runner.catchUp();
      const wanted = await documentsOf(store);
      const position = (await changesOf(store)).length;
      const spoiled = { projection: "counting", from: position, to: position };
      const documents = [
        { session: sessionKey("s-1"), body: '{"n":99}' },
        { session: sessionKey("s-3"), body: null },
      ];
      await store.advance({ ...spoiled, documents });
      expect(await documentsOf(store)).not.toEqual(wanted);
      await runner.pause("counting");
      expect(await runner.rebuild("counting")).toMatchObject({ lag: 0, paused: true, position });
      expect(await documentsOf(store)).toEqual(wanted);
    });

    it("tells what stopped a rebuild", async () => {
      const store = await historyOn(open());
      const runner = new ProjectionRunner({ store, projections: [picky({ session: "s-1" })] });
      expect(await runner.rebuild("picky")).toMatchObject({
        position: 0,
        error: expect.stringContaining("no s-1 here") as unknown,
      });
    });

    it("builds anew what is ahead of the feed, for the store was restored to an earlier state", async () => {
      const store = await historyOn(open());
      const documents = [{ session: sessionKey("s-1"), body: '{"n":99}' }];
      await store.advance({ projection: "counting", from: 0, to: 1000, documents });
      const runner = runnerOf(store, 4);
      expect((await runner.list())[0]?.lag).toBeLessThan(0);
      expect((await runner.catchUp())[0]).toMatchObject({ lag: 0 });
      expect(await countsIn(store)).toEqual(await changesIn(store));
    });

    it("lists what it has not run yet, and what another program left", async () => {
      const store = await historyOn(open());
      await store.advance({ projection: "a-former", from: 0, to: 2 });
      const position = (await changesOf(store)).length;
      expect(await runnerOf(store).list()).toEqual([
        {
          name: "a-former",
          position: 2,
          lag: position - 2,
          paused: false,
          known: false,
          updatedAtMs: expect.any(Number) as unknown,
        },
        { name: "counting", position: 0, lag: position, paused: false, known: true, updatedAtMs: null },
      ]);
    });

    it.each(["rebuild", "pause", "resume"] as const)(
      "refuses to %s a projection that there is not, and makes none",
      async (verb) => {
        const store = await historyOn(open());
        await expect(runnerOf(store)[verb]("counts")).rejects.toThrow(
          "There is no projection counts. Name one of these: counting.",
        );
        expect(await store.projections()).toEqual([]);
      },
    );
  });
});

/** Counts the changes of each session: whatever is taken twice or not at all shows. */
const counting: Projection = {
  name: "counting",
  async apply({ changes, previous }) {
    return Promise.all(
      bySession(changes).map(async ({ session, changes: own }) => {
        const before = await previous(session);
        const n = before === null ? 0 : (JSON.parse(before) as { n: number }).n;
        return { session, body: JSON.stringify({ n: n + own.length }) };
      }),
    );
  },
};

/** Counts too, but cannot bear one session. */
function picky(broken: { readonly session: string | undefined }): Projection {
  return {
    name: "picky",
    async apply(batch) {
      if (batch.changes.some(({ session }) => session === broken.session))
        throw new Error(`no ${broken.session} here`);
      return counting.apply(batch);
    },
  };
}

function runnerOf(store: Store, batchSize = 100): ProjectionRunner {
  return new ProjectionRunner({ store, projections: [counting], batchSize });
}

/** Three sessions whose changes come in turns. */
async function historyOn(opened: Promise<Store>): Promise<Store> {
  const store = await opened;
  for (const name of ["s-1", "s-3", "s-1", "s-2", "s-3", "s-1", "s-2", "s-2", "s-3"])
    await appendTo(store, name, plain(1, 2));
  return store;
}

function documentsOf(store: Store, projection = "counting"): Promise<(string | null)[]> {
  return Promise.all(
    ["s-1", "s-2", "s-3", "s-9"].map((name) => store.projected({ projection, session: sessionKey(name) })),
  );
}

type Counts = Record<string, number | undefined>;

async function countsIn(store: Store, projection = "counting"): Promise<Counts> {
  const bodies = await documentsOf(store, projection);
  const counts = bodies.map((body) => (body === null ? undefined : (JSON.parse(body) as { n: number }).n));
  return { "s-1": counts[0], "s-2": counts[1], "s-3": counts[2], "s-9": counts[3] };
}

async function changesIn(store: Store): Promise<Counts> {
  return countOf(await changesOf(store));
}

function countOf(changes: readonly Change[]): Counts {
  const counts: Counts = { "s-1": undefined, "s-2": undefined, "s-3": undefined, "s-9": undefined };
  for (const { session } of changes) counts[session] = (counts[session] ?? 0) + 1;
  return counts;
}

async function changesOf(store: Store): Promise<readonly Change[]> {
  return (await store.changes({ after: 0, limit: 1000 })).changes;
}

/** The store as a process sees it that is killed at one call: from then on nothing is done any more. */
function failing(store: Store, at: number, when: "before" | "after", calls = { count: 0 }): Store {
  return new Proxy(store, {
    get: (target, name: keyof Store) => {
      const verb = target[name] as unknown;
      if (typeof verb !== "function") return verb;
      return async (...args: unknown[]) => {
        calls.count += 1;
        const isLast = calls.count === at && when === "after";
        if (calls.count >= at && !isLast) throw new Error("killed");
        const answer: unknown = await (verb as (...args: unknown[]) => unknown).apply(target, args);
        if (isLast) throw new Error("killed");
        return answer;
      };
    },
  });
}

/** Time in a test's hands: each wait ends when the test says so. */
class HandTimers implements Timers {
  readonly #waits: { readonly ms: number; readonly end: () => void }[] = [];

  now(): number {
    return 0;
  }

  get waiting(): readonly number[] {
    return this.#waits.map(({ ms }) => ms);
  }

  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const entry = { ms, end: resolve };
      this.#waits.push(entry);
      signal.addEventListener("abort", () => {
        const at = this.#waits.indexOf(entry);
        if (at !== -1) this.#waits.splice(at, 1);
        reject(new Error("aborted"));
      });
    });
  }

  /** Ends the one wait, as soon as there is one, and tells how long it was to be. */
  async elapse(): Promise<number> {
    await until(() => this.#waits.length > 0);
    const { ms, end } = this.#waits.shift()!;
    end();
    return ms;
  }
}

/** Looks again at each turn of the event loop; the test's own time limit ends it. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}
