import type { Entry } from "../core/entry.ts";
import { isHoldfastError } from "../core/errors.ts";
import type { Change, ReadParams, ReadResult, Store } from "../core/store.ts";

/**
 * The entries that an `appended` change tells of, in pieces; of a log that is gone, none. A log that began anew under
 * the same name gives its own entries instead: a later change of the feed says that the former one was dropped.
 */
export async function* changedEntries(store: Store, change: Change): AsyncGenerator<readonly Entry[]> {
  const { project, session, log = "", from = 1, to = 0 } = change;
  let id: string | undefined;
  for (let after = from - 1; after < to;) {
    const limit = Math.min(pageSize, to - after);
    const params = { log: { project, session, log }, after, limit, ...(id === undefined ? {} : { id }) };
    const page = await readUnlessGone(store, params);
    if (page === undefined || page.entries.length === 0) return;
    yield page.entries;
    id = page.id;
    after += page.entries.length;
  }
}

// An entry may have 16 MB.
const pageSize = 64;

async function readUnlessGone(store: Store, params: ReadParams): Promise<ReadResult | undefined> {
  try {
    return await store.read(params);
  } catch (error) {
    if (isHoldfastError(error) && (error.code === "cursor_ahead" || error.code === "session_dropped"))
      return undefined;
    throw error;
  }
}
