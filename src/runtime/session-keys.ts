import type { Holding } from "../core/holdings.ts";
import type { SessionKey } from "../core/ids.ts";
import type { Store } from "../core/store.ts";

/** All names of a store in their order, page by page. */
export async function* sessionKeys(store: Store, project?: string): AsyncGenerator<SessionKey> {
  let after: SessionKey | undefined;
  for (;;) {
    const page = await store.keys({
      limit: pageSize,
      ...(project === undefined ? {} : { project }),
      ...(after === undefined ? {} : { after }),
    });
    yield* page;
    if (page.length < pageSize) return;
    after = page.at(-1);
  }
}

/** All that a session has beside its entries, page by page. */
export async function* holdingsOf(store: Store, session: SessionKey): AsyncGenerator<readonly Holding[]> {
  let cursor: string | undefined;
  do {
    const page = await store.holdings({ session, ...(cursor === undefined ? {} : { cursor }) });
    yield page.holdings;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

/** Does a thing for each item, for several at once; the first failure stops it, when those under way have ended. */
export async function forEach<Item>(
  items: AsyncIterable<Item> | Iterable<Item>,
  atOnce: number,
  action: (item: Item) => Promise<void>,
): Promise<void> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let failed = false;
  const work = async (): Promise<void> => {
    try {
      for (let next = await iterator.next(); next.done !== true && !failed; next = await iterator.next())
        await action(next.value);
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: atOnce }, work));
  const fault = ends.find((end) => end.status === "rejected");
  if (fault !== undefined) throw fault.reason;
}

const pageSize = 500;
