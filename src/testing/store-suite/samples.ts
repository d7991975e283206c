import assert from "node:assert/strict";
import type { EntryInput } from "../../core/entry.ts";
import { type ErrorCode, type HoldfastError, isHoldfastError } from "../../core/errors.ts";
import type { LogKey, SessionKey } from "../../core/ids.ts";
import type { AppendResult, Change, SessionRow, SessionsParams, Store } from "../../core/store.ts";

/** A session of the project that most tests use. */
export function sessionKey(session = "s-1"): SessionKey {
  return { project: "p-1", session };
}

/** A log of such a session; the main one by default. */
export function logKey(session = "s-1", log = ""): LogKey {
  return { ...sessionKey(session), log };
}

/** Entries without a uuid, numbered `from`..`to`. */
export function plain(from: number, to: number): EntryInput[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({ body: `{"n":${from + index}}` }));
}

/** Entries with a uuid each, numbered `from`..`to`. */
export function keyed(from: number, to: number): EntryInput[] {
  return plain(from, to).map((entry, index) => ({ ...entry, uuid: `u-${from + index}` }));
}

/** Appends to a session's main log. */
export function appendTo(
  store: Store,
  session: string,
  entries: readonly EntryInput[],
): Promise<AppendResult> {
  return store.append({ log: logKey(session), entries });
}

/** All bodies of a log. */
export async function bodiesOf(store: Store, log: LogKey): Promise<string[]> {
  const { entries } = await store.read({ log });
  return entries.map((entry) => entry.body);
}

/** Every change of the feed, page by page. */
export async function allChanges(store: Store): Promise<Change[]> {
  const found: Change[] = [];
  for (;;) {
    const page = await store.changes({ after: found.length, limit: 1000 });
    found.push(...page.changes);
    if (page.changes.length === 0) return found;
  }
}

/** Every session of a listing, page by page, with no page that repeats itself without end. */
export async function allSessions(store: Store, params: SessionsParams = {}): Promise<SessionRow[]> {
  const found: SessionRow[] = [];
  let cursor: string | undefined;
  for (let pages = 0; pages < 1000; pages += 1) {
    const page = await store.sessions(cursor === undefined ? params : { ...params, cursor });
    found.push(...page.sessions);
    if (page.cursor === undefined) return found;
    cursor = page.cursor;
  }
  throw new Error("The pages have no end.");
}

/** The names of some rows. */
export function namesOf(rows: readonly SessionKey[]): string[] {
  return rows.map((row) => row.session);
}

/** The one value of a list that must have no other. */
export function onlyOf<Value>(values: readonly Value[]): Value {
  assert.equal(values.length, 1);
  return values[0]!;
}

/** All values of an async iterable. */
export async function gather<Value>(iterable: AsyncIterable<Value>): Promise<Value[]> {
  const found: Value[] = [];
  for await (const value of iterable) found.push(value);
  return found;
}

/** Asserts that an action is refused with one code. */
export async function refused(code: ErrorCode, action: () => Promise<unknown>): Promise<HoldfastError> {
  const error = await action().then(
    () => assert.fail(`Nothing was refused; expected ${code}.`),
    (fault: unknown) => fault,
  );
  if (!isHoldfastError(error)) throw error;
  assert.equal(error.code, code);
  return error;
}

/** Everything that readers can see of a store, to prove that something changed nothing. */
export async function snapshot(store: Store, session = "s-1"): Promise<unknown> {
  const key = sessionKey(session);
  const logs = await store.logs(key);
  const contents = [];
  for (const { log } of logs) contents.push(await store.read({ log: { ...key, log } }));
  return {
    logs,
    contents,
    row: await store.session(key),
    tombstone: await store.tombstone(key),
    changes: await allChanges(store),
  };
}

/** What a scan yielded, as one text with a line for each body. */
export function textOf(pieces: readonly (readonly string[])[]): string {
  return pieces
    .flat()
    .map((body) => `${body}\n`)
    .join("");
}
