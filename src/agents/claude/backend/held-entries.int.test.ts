import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { play } from "../../../../test/agents/past-run.ts";
import type { AgentStep, TurnStore } from "../../../core/agent.ts";
import { HoldfastError } from "../../../core/errors.ts";
import type { Claim } from "../../../core/run.ts";
import { noTokens } from "../../../core/usage.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { HeldEntries } from "./held-entries.ts";

const session = { project: "p", session: "s" };

let store: ReturnType<typeof openMemoryStore>;

beforeEach(() => (store = openMemoryStore()));
afterEach(() => store.close());

function entry(text: string, uuid?: string): AgentStep {
  return { kind: "entry", log: "", entry: { body: JSON.stringify({ text }), ...(uuid && { uuid }) } };
}

/** The store, of which one append is told to have failed: before it took effect, or after. */
function failingOnce(when: "before" | "after"): TurnStore {
  let isFailing = true;
  return {
    ...bound(store),
    append: async (params) => {
      const fails = isFailing;
      isFailing = false;
      if (fails && when === "before") throw busy();
      const result = await store.append(params);
      if (fails) throw busy();
      return result;
    },
  };
}

function bound(of: TurnStore): TurnStore {
  const { read, scan, logs, session: row, run, runs, append, recordUsage, putBlob, getBlob } = of;
  const all = { read, scan, logs, session: row, run, runs, append, recordUsage, putBlob, getBlob };
  return Object.fromEntries(
    Object.entries(all).map(([name, method]) => [name, method.bind(of as never)]),
  ) as unknown as TurnStore;
}

function busy(): HoldfastError {
  return new HoldfastError({ code: "store_busy", message: "Busy.", next: "Again.", retryable: true });
}

test.each(["before", "after"] as const)(
  "what a process said of its interruption is stored once, where the store failed %s it took it",
  async (when) => {
    const held = new HeldEntries(session);
    const failing = failingOnce(when);
    held.hold([entry("the answer so far", randomUUID()), entry("a note without a name")]);
    await expect(held.append(failing, undefined)).rejects.toThrow("Busy.");
    await held.append(failing, undefined);
    await held.append(failing, undefined);
    const { entries } = await store.read({ log: { ...session, log: "" } });
    expect(entries.map(({ body }) => JSON.parse(body).text)).toEqual([
      "the answer so far",
      "a note without a name",
    ]);
    expect(await held.isCurrent(store)).toBe(true);
  },
);

test("a process that knows of what the store refused for good is not gone on with", async () => {
  const held = new HeldEntries(session);
  const foreign = { kind: "entry", log: "@run/1", entry: { body: "{" } } as const;
  held.hold([foreign]);
  await expect(held.append(store, undefined)).rejects.toThrow();
  expect(await held.isCurrent(store)).toBe(false);
  await held.append(store, undefined);
});

describe("what a process says last", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] }));
  afterEach(() => void vi.useRealTimers());

  /** An entry of a process whose run a slow store still ends; and how many of it are stored. */
  async function saidLast(): Promise<{
    claim: Claim;
    appended: Promise<void>;
    stored: () => Promise<number>;
  }> {
    await store.admit({ session, key: "k", body: "{}", provider: "claude-code" });
    const claim = (await store.claim({ worker: "w", leaseMs: 600_000 }))!;
    const held = new HeldEntries(session);
    const said = entry("said") as Extract<AgentStep, { kind: "entry" }>;
    const log = { ...session, log: "" };
    await store.append({ log, entries: [said.entry], fence: claim.lease, run: claim.run.id });
    held.taken(said, claim.run.id);
    held.hold([entry("late")]);
    const stored = async (): Promise<number> =>
      (await store.read({ log: { ...session, log: "" } })).entries.length;
    return { claim, appended: held.appendLast(store, undefined), stored };
  }

  test("waits for the end of a run that takes long to be committed", async () => {
    const { claim, appended, stored } = await saidLast();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await stored()).toBe(0);
    const { run, lease } = claim;
    const { parts } = await store.tail({ run: run.id });
    await store.commit({ session, run: run.id, epoch: lease.epoch, parts, outcome: "{}" });
    await vi.advanceTimersByTimeAsync(5000);
    await appended;
    expect(await stored()).toBe(2);
  });

  test("is given up where the run is left open by its worker", async () => {
    const { appended, stored } = await saidLast();
    await vi.advanceTimersByTimeAsync(120_000);
    await appended;
    expect(await stored()).toBe(0);
  });
});

test("what a process says last is given up at once where the store refuses it for good, though its run is open", async () => {
  await store.admit({ session, key: "k", body: "{}", provider: "claude-code" });
  const { run } = (await store.claim({ worker: "w", leaseMs: 600_000 }))!;
  const held = new HeldEntries(session);
  const usage = { type: "usage", key: "u", model: "m", tokens: noTokens } as const;
  held.taken({ kind: "event", event: { type: "notice", text: "said" } }, run.id);
  held.hold([entry("late"), { kind: "event", event: usage }]);
  let asked = 0;
  const full: TurnStore = {
    ...bound(store),
    recordUsage: async () => {
      // No HoldfastError: that ends it, whatever is done about the others.
      if ((asked += 1) > 10) throw new Error("It is asked again and again.");
      throw new HoldfastError({ code: "store_full", message: "Full.", next: "Make room." });
    },
  };
  await held.appendLast(full, undefined);
  expect(asked).toBeLessThanOrEqual(2);
});

test.each([
  ["whose run was discarded", "discarded", ["said"]],
  ["behind which another one has begun", "committed", ["said", "after it"]],
] as const)("what a process says at rest is kept out of a session %s", async (_, as, runs) => {
  const held = new HeldEntries(session);
  for (const text of runs) {
    const last = await play({ store, session, events: [], as });
    // A session of which nothing is stored is as every process left it.
    if (text === "said") held.taken({ kind: "event", event: { type: "notice", text } }, last);
  }
  held.hold([entry("late")]);
  await held.appendAtRest({ store, fold: undefined, signal: new AbortController().signal });
  expect((await store.read({ log: { ...session, log: "" } })).entries).toEqual([]);
});
