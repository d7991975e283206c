import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type { ClaudeKey, ClaudeStore, SuiteEntry, SuiteFold } from "./contract.ts";

export const main: ClaudeKey = { projectKey: "-home-dev", sessionId: "5a4f2a52-62f0-4f0b-9a50-6a7c1c7f2d11" };
export const agent: ClaudeKey = { ...main, subpath: "subagents/agent-0123456789abcdef0" };
export const other: ClaudeKey = { ...main, sessionId: "7d0c1f6e-3b1a-4c55-9e0f-2a1c55d0e001" };
export const elsewhere: ClaudeKey = { ...main, projectKey: "-home-other" };

/** An entry with a uuid. */
export function keyed(uuid: string, text = uuid): SuiteEntry {
  return { type: "user", uuid, parentUuid: null, message: { role: "user", content: text } };
}

/** An entry without one, as the SDK writes them for modes and costs. */
export function keyless(value: string): SuiteEntry {
  return { type: "mode", mode: value };
}

/** Entries with uuids `name-0`, `name-1`… */
export function many(name: string, count: number): SuiteEntry[] {
  return Array.from({ length: count }, (_, index) => keyed(`${name}-${index}`));
}

export const countingFold: SuiteFold = (previous, { sessionId }, entries, { mtime }) => {
  const count = Number(previous?.data["count"] ?? 0) + entries.length;
  const first = previous?.data["first"] ?? entries[0]?.uuid ?? null;
  const last = entries.at(-1)?.uuid ?? null;
  const note = entries.findLast((entry) => entry["note"] !== undefined)?.["note"] ?? previous?.data["note"];
  return { sessionId, mtime, data: { count, first, last, ...(note === undefined ? {} : { note }) } };
};

/** Whether two values are equal but for the order of fields; for values that are too long to be printed. */
export function isSame(actual: unknown, expected: unknown): boolean {
  return isDeepStrictEqual(actual, JSON.parse(JSON.stringify(expected)));
}

/** Asserts that a log holds just these entries, in this order. */
export async function assertHolds(
  store: ClaudeStore,
  key: ClaudeKey,
  entries: readonly SuiteEntry[],
): Promise<void> {
  assert.deepEqual(await store.load(key), entries);
}

/** The ids that a project's list gives, sorted. */
export async function listed(store: ClaudeStore, projectKey = main.projectKey): Promise<string[]> {
  return (await store.listSessions(projectKey)).map(({ sessionId }) => sessionId).toSorted();
}

/** The summary's data of one session, undefined where the list has none. */
export async function summaryOf(
  store: ClaudeStore,
  { projectKey, sessionId }: ClaudeKey = main,
): Promise<Record<string, unknown> | undefined> {
  const summaries = await store.listSessionSummaries(projectKey);
  return summaries.find((summary) => summary.sessionId === sessionId)?.data;
}

/** Appends until the store's clock has passed to another millisecond. */
export async function appendLater(store: ClaudeStore, key: ClaudeKey, entry: SuiteEntry): Promise<void> {
  const from = Date.now();
  while (Date.now() <= from) await store.load(key);
  await store.append(key, [entry]);
}
