import type { Entry } from "../core/entry.ts";
import { HoldfastError } from "../core/errors.ts";
import { isOwnLog, type LogKey, type SessionKey } from "../core/ids.ts";
import { pagesInOrder, readingOrder, tailInOrder } from "../core/reading-order.ts";
import type { Store } from "../core/store.ts";
import { shown } from "./arguments.ts";

/** The log of a session that a command is to work on; the main one unless another is named. @throws session_unknown */
export async function chosenLog(store: Store, { project, session }: SessionKey, log = ""): Promise<LogKey> {
  const logs = log === "" ? [] : await store.logs({ project, session });
  if (log === "" || logs.some((row) => row.log === log)) return { project, session, log };
  const others = logs.map((row) => row.log).filter((name) => !isOwnLog(name));
  throw new HoldfastError({
    code: "session_unknown",
    message: `The session ${session} has no log ${shown(log)}.`,
    next: `It has ${others.map((name) => (name === "" ? "the main log" : shown(name))).join(", ")}.`,
    data: { project, session, log },
  });
}

/** Reads a log from the start in pages, so that memory stays small. */
export function pagesOf(store: Store, log: LogKey): AsyncGenerator<readonly Entry[]> {
  return pagesInOrder(store, log, pageSize);
}

/** The last entries of a log, opened at its tail. */
export function tailOf(store: Store, log: LogKey, limit: number): Promise<readonly Entry[]> {
  return tailInOrder(store, log, limit);
}

/** Reads a log from its end in pages, each in reading order. */
export async function* pagesFromEnd(store: Store, log: LogKey): AsyncGenerator<readonly Entry[]> {
  for (const { from, to } of (await readingOrder(store, log)).segments.toReversed()) {
    for (let end = to; end >= from; end -= tailPageSize) {
      const limit = Math.min(tailPageSize, end - from + 1);
      yield (await store.read({ log, after: end - limit, limit })).entries;
    }
  }
}

/** Reads a log from its end in pages, each in the order of storing, up to a position. */
export async function* storedFromEnd(
  store: Store,
  log: LogKey,
  committed: number,
): AsyncGenerator<readonly Entry[]> {
  for (let end = committed; end > 0; end -= tailPageSize) {
    const page = { log, order: "desc" as const, after: end + 1, limit: tailPageSize };
    yield (await store.read(page)).entries.toReversed();
  }
}

/** Reads every session in pages of the catalogue. */
export async function* allSessions(store: Store) {
  for (let cursor: string | undefined; ;) {
    const page = await store.sessions({ limit: 1000, ...(cursor === undefined ? {} : { cursor }) });
    yield* page.sessions;
    if (page.cursor === undefined) return;
    cursor = page.cursor;
  }
}

const pageSize = 500;
const tailPageSize = 100;
