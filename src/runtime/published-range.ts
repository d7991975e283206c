import type { Run } from "../core/run.ts";
import type { Change, Store } from "../core/store.ts";

/** The entries of one log that a run's ending made visible, with its closers; both ends included. */
export interface PublishedRange {
  readonly from: number;
  readonly to: number;
}

/**
 * What a run's ending published in the main log, as the change feed tells it: null where that was nothing, undefined
 * where the feed does not tell, as in a copy of the store. Price: a read for each doubling of the feed.
 */
export async function publishedRange(store: Store, run: Run): Promise<PublishedRange | null | undefined> {
  const { endedAtMs } = run;
  if (endedAtMs === undefined) return undefined;
  let found: null | undefined;
  /** What its session published last: a run's ending stands right behind it, in one transaction. */
  let published: readonly Change[] = [];
  let after = await positionAt(store, endedAtMs - slackMs);
  for (let pages = 0; pages < mostPages; pages += 1) {
    const { changes } = await store.changes({ after, limit: pageSize });
    for (const change of changes.filter((one) => isOf(run, one) && one.atMs === endedAtMs)) {
      const main = published.find(({ log }) => log === "");
      // The run's begin may be of the same moment.
      if (change.kind === "run" && change.of === run.id && main !== undefined)
        return { from: main.from!, to: main.to! };
      if (change.kind === "run" && change.of === run.id) found = null;
      published = change.kind === "appended" ? [...published, change] : [];
    }
    const last = changes.at(-1);
    if (last === undefined || last.atMs > endedAtMs + slackMs) break;
    after = last.seq;
  }
  return found;
}

function isOf({ project, session }: Run, change: Change): boolean {
  return change.project === project && change.session === session;
}

// Transactions beside each other take their places in the feed in the order in which they end.
const slackMs = 500;
const pageSize = 1000;
const mostPages = 16;

/** A place in the feed before all changes of this time, by a clock that runs forwards. */
async function positionAt(store: Store, atMs: number): Promise<number> {
  let [low, high] = [0, (await store.changes({ after: 0, limit: 1 })).position];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const { changes } = await store.changes({ after: middle, limit: 1 });
    if ((changes[0]?.atMs ?? Infinity) < atMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
