import { expect, test } from "vitest";
import type { Store } from "../core/store.ts";
import { openMemoryStore } from "../stores/memory/index.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { systemTimers } from "./timers.ts";

const session = { project: "p", session: "s" };

async function keep(answer: Store["renewLease"] | undefined) {
  const store = openMemoryStore();
  const leaseMs = 40;
  const begunAtMs = systemTimers.now();
  const lease = await store.acquireLease({ session, owner: "w", leaseMs });
  const turn = new AbortController();
  const kept = answer === undefined ? store : Object.create(store, { renewLease: { value: answer } });
  const keeper = new LeaseKeeper({ store: kept, lease, leaseMs, begunAtMs, timers: systemTimers, turn });
  return { store, lease, turn, keeper };
}

function aborted({ signal }: AbortController): Promise<unknown> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(signal.reason)));
}

test("a turn ends with its lease, also where a renewal never answers", async () => {
  const { turn, keeper } = await keep(() => new Promise(() => undefined));
  expect(await aborted(turn)).toMatchObject({ code: "lease_lost" });
  expect(() => keeper.check()).toThrow(/has ended/);
});

test("a stop is no loss of the lease, and hides none", async () => {
  const store = openMemoryStore();
  const leaseMs = 40;
  let nowMs = 0;
  const timers = { now: () => nowMs, wait: () => new Promise<void>(() => undefined) };
  const lease = await store.acquireLease({ session, owner: "w", leaseMs });
  const turn = new AbortController();
  const keeper = new LeaseKeeper({ store, lease, leaseMs, begunAtMs: 0, timers, turn });
  turn.abort(new Error("stopped"));
  expect(() => keeper.check()).toThrow("stopped");
  keeper.checkLease();
  nowMs = leaseMs;
  expect(() => keeper.checkLease()).toThrow(/has ended/);
  expect(() => keeper.check()).toThrow(/has ended/);
});

test("a turn ends when the store says that the lease is another's", async () => {
  const { store, turn } = await keep(undefined);
  await store.clearLease({ session, actor: "test" });
  expect(await aborted(turn)).toMatchObject({ code: "lease_lost" });
});

test("a lease that is renewed lasts, and nothing ends a turn whose keeper was let go", async () => {
  let renewals = 0;
  const renewed = Promise.withResolvers<void>();
  const store = openMemoryStore();
  const lease = await store.acquireLease({ session, owner: "w", leaseMs: 40 });
  const counting: Store = Object.create(store, {
    renewLease: {
      value: async (params: Parameters<Store["renewLease"]>[0]) => {
        if ((renewals += 1) === 6) renewed.resolve();
        return await store.renewLease({ ...params, leaseMs: 60_000 });
      },
    },
  });
  const turn = new AbortController();
  const params = { store: counting, lease, leaseMs: 40, begunAtMs: systemTimers.now(), timers: systemTimers };
  const keeper = new LeaseKeeper({ ...params, turn });
  await renewed.promise;
  keeper.check();
  keeper[Symbol.dispose]();
  expect(turn.signal.aborted).toBe(false);
});
