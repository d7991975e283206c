import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Pooled, ProcessPool, type Seat } from "./process-pool.ts";

class FakeProcess implements Pooled {
  readonly #ended = Promise.withResolvers<void>();
  readonly ended = this.#ended.promise;
  hasEnded = false;
  isAtWork = false;
  closings = 0;

  async close(): Promise<void> {
    this.closings += 1;
    await Promise.resolve();
    this.end();
  }

  end(): void {
    this.hasEnded = true;
    this.#ended.resolve();
  }
}

const signal = new AbortController().signal;
const session = (name: string) => ({ project: "p", session: name });

let pool: ProcessPool<FakeProcess>;

beforeEach(() => {
  vi.useFakeTimers();
  pool = new ProcessPool({ maxProcesses: 2, idleMs: 1000 });
});
afterEach(() => vi.useRealTimers());

async function start(name: string): Promise<Seat<FakeProcess>> {
  const seat = await pool.take(session(name), signal);
  seat.live ??= new FakeProcess();
  return seat;
}

/** One whole turn; gives the process that had it. */
async function turn(name: string): Promise<FakeProcess> {
  const seat = await start(name);
  pool.release(seat);
  return seat.live!;
}

describe("a pool of processes", () => {
  test("gives a session its own process again, and two sessions two", async () => {
    const one = await turn("a");
    expect(await turn("b")).not.toBe(one);
    expect(await turn("a")).toBe(one);
    expect(pool.size).toBe(2);
  });

  test("ends the one that has rested longest to make room, and waits until it has", async () => {
    const [a, b] = [await turn("a"), await turn("b")];
    await turn("a");
    const c = await start("c");
    expect([a.hasEnded, b.hasEnded]).toEqual([false, true]);
    expect(pool.size).toBe(2);
    pool.release(c);
  });

  test("never ends one in the middle of a turn: who finds all at work waits, the first one first", async () => {
    const [a, b] = [await start("a"), await start("b")];
    const order: string[] = [];
    const waiting = ["c", "d"].map(async (name) => {
      const seat = await start(name);
      order.push(name);
      return seat;
    });
    await vi.advanceTimersByTimeAsync(10_000);
    expect([order, a.live!.hasEnded, b.live!.hasEnded]).toEqual([[], false, false]);
    pool.release(b);
    const c = await waiting[0]!;
    expect([order, a.live!.hasEnded, b.live!.hasEnded]).toEqual([["c"], false, true]);
    pool.release(a);
    await waiting[1]!;
    expect(order).toEqual(["c", "d"]);
    expect(c.live!.hasEnded).toBe(false);
  });

  test("ends as many as there are that wait, and no more", async () => {
    pool = new ProcessPool({ maxProcesses: 3, idleMs: 1000 });
    const resting = [await turn("a"), await turn("b"), await turn("c")];
    await Promise.all([start("d"), start("e")]);
    expect(resting.map(({ hasEnded }) => hasEnded)).toEqual([true, true, false]);
  });

  test("ends a process that has had no turn for its time, and not before", async () => {
    const one = await turn("a");
    await vi.advanceTimersByTimeAsync(999);
    expect(await turn("a")).toBe(one);
    await vi.advanceTimersByTimeAsync(999);
    expect(one.hasEnded).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect([one.hasEnded, pool.size]).toEqual([true, 0]);
  });

  test("keeps one that works in the background until that is over, for an hour at most", async () => {
    const [one, other] = [await turn("a"), await turn("b")];
    one.isAtWork = other.isAtWork = true;
    await vi.advanceTimersByTimeAsync(20_000);
    one.isAtWork = false;
    await vi.advanceTimersByTimeAsync(1000);
    expect([one.hasEnded, other.hasEnded]).toEqual([true, false]);
    await vi.advanceTimersByTimeAsync(3_600_000 - 21_000);
    expect(other.hasEnded).toBe(false);
    await vi.advanceTimersByTimeAsync(1000);
    expect(other.hasEnded).toBe(true);
  });

  test("makes room by one that works in the background only where no other rests", async () => {
    const [a, b] = [await turn("a"), await turn("b")];
    a.isAtWork = true;
    const c = await start("c");
    expect([a.hasEnded, b.hasEnded]).toEqual([false, true]);
    await start("d");
    expect([a.hasEnded, c.live!.hasEnded]).toEqual([true, false]);
  });

  test("keeps a process that may rest for longer than a timer can wait", async () => {
    pool = new ProcessPool({ maxProcesses: 2, idleMs: 2 ** 31 });
    const one = await turn("a");
    await vi.advanceTimersByTimeAsync(1000);
    expect(await turn("a")).toBe(one);
  });

  test("lives on, and gives the place free, where a process fails as it is ended", async () => {
    const failures: unknown[] = [];
    const fail = (reason: unknown): void => void failures.push(reason);
    process.on("unhandledRejection", fail);
    try {
      const one = await turn("a");
      one.close = () => Promise.reject(new Error("The store is gone."));
      await vi.advanceTimersByTimeAsync(1000);
      vi.useRealTimers();
      await new Promise((resolve) => setImmediate(resolve));
      expect([failures, pool.size]).toEqual([[], 0]);
    } finally {
      process.off("unhandledRejection", fail);
    }
  });

  test("forgets a process that ended by itself, between two turns or in one", async () => {
    const one = await turn("a");
    one.end();
    await vi.advanceTimersByTimeAsync(0);
    expect(pool.size).toBe(0);
    const seat = await start("a");
    expect(seat.live).not.toBe(one);
    seat.live!.end();
    pool.release(seat);
    await vi.advanceTimersByTimeAsync(0);
    expect(pool.size).toBe(0);
  });

  test.each(["between two turns", "in one"])(
    "keeps what a process gave that ended by itself %s before its session has another",
    async (when) => {
      const seat = await start("a");
      const one = seat.live!;
      const kept = Promise.withResolvers<void>();
      one.close = () => kept.promise;
      if (when === "in one") one.end();
      pool.release(seat);
      one.end();
      await vi.advanceTimersByTimeAsync(0);
      const next = start("a");
      let isStarted = false;
      void next.then(() => (isStarted = true));
      await vi.advanceTimersByTimeAsync(0);
      expect(isStarted).toBe(false);
      kept.resolve();
      expect((await next).live).not.toBe(one);
    },
  );

  test("gives a place back for which no process was started", async () => {
    const seats = [await pool.take(session("a"), signal), await pool.take(session("b"), signal)];
    const waiting = pool.take(session("c"), signal);
    pool.release(seats[0]!);
    expect((await waiting).live).toBeUndefined();
    expect(pool.size).toBe(2);
  });

  test("lets a turn that is stopped wait no longer, and takes no place for it", async () => {
    const seats = [await start("a"), await start("b")];
    const stop = new AbortController();
    const waiting = pool.take(session("c"), stop.signal);
    stop.abort(new Error("stopped"));
    await expect(waiting).rejects.toThrow("stopped");
    for (const seat of seats) pool.release(seat);
    expect(pool.size).toBe(2);
  });

  test("ends nobody's process for a turn that was stopped while it waited", async () => {
    const [a] = [await start("a"), await start("b")];
    const stop = new AbortController();
    const waiting = pool.take(session("c"), stop.signal);
    stop.abort(new Error("stopped"));
    pool.release(a!);
    await expect(waiting).rejects.toThrow("stopped");
    await vi.advanceTimersByTimeAsync(0);
    expect(a!.live!.hasEnded).toBe(false);
  });

  test("leaves nothing behind on the signal of a turn, however often that has waited", async () => {
    const [a] = [await start("a"), await start("b")];
    const stop = new AbortController();
    const waiting = pool.take(session("a"), stop.signal);
    pool.release(a!);
    await waiting;
    expect(getEventListeners(stop.signal, "abort")).toEqual([]);
  });

  test("ends all when it is closed, each in a turn once that is over, and can be used again", async () => {
    const a = await turn("a");
    const b = await start("b");
    let isClosed = false;
    const closing = pool.close().then(() => (isClosed = true));
    await vi.advanceTimersByTimeAsync(0);
    expect([a.hasEnded, b.live!.hasEnded, isClosed]).toEqual([true, false, false]);
    pool.release(b);
    await closing;
    expect([b.live!.hasEnded, pool.size]).toEqual([true, 0]);
    expect((await turn("a")).hasEnded).toBe(false);
  });

  test("waits for all its processes as it is closed, though one of them fails", async () => {
    const [one, two] = [await turn("a"), await turn("b")];
    const kept = Promise.withResolvers<void>();
    one.close = () => Promise.reject(new Error("The store is gone."));
    two.close = () => kept.promise;
    let isClosed = false;
    const closing = pool.close().finally(() => (isClosed = true));
    closing.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(0);
    expect(isClosed).toBe(false);
    kept.resolve();
    await expect(closing).rejects.toThrow("The store is gone.");
  });

  test("can be used and closed again where a process failed as it was ended", async () => {
    const one = await turn("a");
    one.close = () => Promise.reject(new Error("The store is gone."));
    await expect(pool.close()).rejects.toThrow("The store is gone.");
    const two = await turn("b");
    await pool.close();
    expect([two.hasEnded, pool.size]).toEqual([true, 0]);
  });
});
