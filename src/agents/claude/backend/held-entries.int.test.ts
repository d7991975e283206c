import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { play } from "../../../../test/agents/past-run.ts";
import type { AgentStep, TurnStore } from "../../../core/agent.ts";
import { HoldfastError } from "../../../core/errors.ts";
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
