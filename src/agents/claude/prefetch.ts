import type { LogKey } from "../../core/ids.ts";
import { type LogStore, scanInOrder } from "../../core/reading-order.ts";
import type { LogRow, Store } from "../../core/store.ts";
import type { ClaudeEntry } from "./contract.ts";
import { idOf } from "./log-key.ts";

/**
 * Loads a session's subagents as soon as its main transcript is asked for: the SDK asks for them one after another,
 * each with its own wait. A load is handed out once, and only if the log is still as it was.
 */
export class Prefetch {
  readonly #store: Store;
  readonly #loads = new Map<string, LoadAhead>();
  #expiry: NodeJS.Timeout | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Starts the loads of a session's subagents, as many as may be held in memory at once. */
  async start({ project, session }: LogKey): Promise<void> {
    // One session's at a time: what nobody takes must not pile up.
    this.#loads.clear();
    let budget = maxLength;
    for (const row of await this.#store.logs({ project, session })) {
      if (row.log === "" || row.log.startsWith("@") || (budget -= row.length) < 0) continue;
      const key = { project, session, log: row.log };
      const entries = loadLog(this.#store, key);
      // Who takes it sees the error; a load that nobody takes must not end the process.
      entries.catch(() => undefined);
      this.#loads.set(idOf(key), { row, entries });
    }
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => this.#loads.clear(), maxAgeMs).unref();
  }

  /** The entries that were loaded ahead; undefined where none were, or where another writer has moved the log since. */
  async take(key: LogKey): Promise<ClaudeEntry[] | null | undefined> {
    const ahead = this.#loads.get(idOf(key));
    if (ahead === undefined) return undefined;
    this.#loads.delete(idOf(key));
    const entries = await ahead.entries;
    const now = (await this.#store.logs(key)).find(({ log }) => log === key.log);
    return now !== undefined && isSame(now, ahead.row) ? entries : undefined;
  }

  /** Drops all, because something has changed. */
  clear(): void {
    this.#loads.clear();
  }
}

/** All entries of a log, in the order in which they are to be read; null where nothing was written. */
export async function loadLog(store: LogStore, log: LogKey): Promise<ClaudeEntry[] | null> {
  const entries: ClaudeEntry[] = [];
  for await (const piece of scanInOrder(store, log)) {
    for (const body of piece) entries.push(JSON.parse(body) as ClaudeEntry);
  }
  return entries.length === 0 ? null : entries;
}

interface LoadAhead {
  readonly row: LogRow;
  readonly entries: Promise<ClaudeEntry[] | null>;
}

function isSame(one: LogRow, other: LogRow): boolean {
  return one.head === other.head && one.length === other.length && one.createdAtMs === other.createdAtMs;
}

// Sum of UTF-16 lengths: a session of many big subagents is not held in memory at once.
const maxLength = 64 << 20;
const maxAgeMs = 10_000;
