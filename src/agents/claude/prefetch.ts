import type { LogKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import type { ClaudeEntry } from "./contract.ts";
import { idOf } from "./log-key.ts";

/**
 * Loads a session's subagents as soon as its main transcript is asked for: the SDK asks for them one after another,
 * each with its own wait. A load is handed out once, and only if the log still ends as it did.
 */
export class Prefetch {
  readonly #store: Store;
  readonly #loads = new Map<string, Promise<LoadedLog>>();
  #expiry: NodeJS.Timeout | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Starts the loads of a session's subagents, as many as may be held in memory at once. */
  async start({ project, session }: LogKey): Promise<void> {
    let budget = maxLength;
    for (const { log, length } of await this.#store.logs({ project, session })) {
      if (log === "" || log.startsWith("@") || (budget -= length) < 0) continue;
      const key = { project, session, log };
      const loading = loadLog(this.#store, key);
      // Who takes it sees the error; a load that nobody takes must not end the process.
      loading.catch(() => undefined);
      this.#loads.set(idOf(key), loading);
    }
    clearTimeout(this.#expiry);
    this.#expiry = setTimeout(() => this.#loads.clear(), maxAgeMs).unref();
  }

  /** The entries that were loaded ahead; undefined where none were, or where another writer has moved the log since. */
  async take(key: LogKey): Promise<ClaudeEntry[] | null | undefined> {
    const loading = this.#loads.get(idOf(key));
    if (loading === undefined) return undefined;
    this.#loads.delete(idOf(key));
    const [loaded, end] = [await loading, await this.#store.read({ log: key, order: "desc", limit: 1 })];
    const same = end.committed === loaded.count && end.entries[0]?.body === loaded.lastBody;
    return same ? loaded.entries : undefined;
  }

  /** Drops all, because something has changed. */
  clear(): void {
    this.#loads.clear();
  }
}

/** Loads one log; `entries` is null where nothing was written. */
export async function loadLog(store: Store, log: LogKey): Promise<LoadedLog> {
  const entries: ClaudeEntry[] = [];
  let lastBody: string | undefined;
  for await (const piece of store.scan({ log })) {
    for (const body of piece) entries.push(JSON.parse(body) as ClaudeEntry);
    lastBody = piece.at(-1) ?? lastBody;
  }
  return { entries: entries.length === 0 ? null : entries, count: entries.length, lastBody };
}

export interface LoadedLog {
  readonly entries: ClaudeEntry[] | null;
  readonly count: number;
  readonly lastBody: string | undefined;
}

// Sum of UTF-16 lengths: a session of many big subagents is not held in memory at once.
const maxLength = 64 << 20;
const maxAgeMs = 10_000;
