import type { LogKey } from "../../core/ids.ts";
import { uuidsIn } from "../../core/chunk.ts";
import type { Connection } from "./connection.ts";

/**
 * What this process knows of the logs that it writes: their rows' ids, which are never given twice, and their uuids,
 * so that dedupe needs no index in random order: such an index writes one page more for each entry. A set of uuids
 * is exact for one head of one log, checked under the write lock: another process's appends move the head, and what
 * they added is then read in order of seq.
 */
export class KnownLogs {
  readonly #ids = new Map<string, LogIds>();
  readonly #logs = new Map<number, KnownLog>();
  readonly #limit: number;
  #count = 0;

  constructor({ limit = 500_000 }: { readonly limit?: number } = {}) {
    this.#limit = limit;
  }

  /** The ids of a log's row and its session's, if this process has met it; the row may be gone since. */
  idsOf(key: LogKey): LogIds | undefined {
    return this.#ids.get(nameOf(key));
  }

  /** Remembers a log's ids. */
  learn(key: LogKey, ids: LogIds): void {
    if (this.#ids.size >= maxIds) this.#ids.clear();
    this.#ids.set(nameOf(key), ids);
  }

  /** All uuids of a log up to its head; the caller adds those it inserts and then calls `advance`. */
  upTo(connection: Connection, log: LogVersion): Set<string> {
    const { logId, head } = log;
    const known = this.#usable(log);
    if (known.head < head) {
      const before = known.uuids.size;
      for (const row of connection.all<{ uuids: string }>(uuidsSql, logId, known.head))
        for (const uuid of uuidsIn(row.uuids)) known.uuids.add(uuid);
      this.#count += known.uuids.size - before;
      known.head = head;
    }
    return known.uuids;
  }

  /** Says that the set now holds the log up to `head`. */
  advance(logId: number, head: number, added: number): void {
    this.#logs.get(logId)!.head = head;
    this.#count += added;
    for (const [id, { uuids }] of this.#logs) {
      if (this.#count <= this.#limit || id === logId) break;
      this.#logs.delete(id);
      this.#count -= uuids.size;
    }
  }

  /** Forgets all; after a roll-back it holds what was never stored. */
  clear(): void {
    this.#ids.clear();
    this.#logs.clear();
    this.#count = 0;
  }

  // What was taken back since may have been replaced by as much again: the head alone would not tell.
  #usable({ logId, head, cuts }: LogVersion): KnownLog {
    const known = this.#logs.get(logId);
    this.#logs.delete(logId);
    const isOld = known !== undefined && (known.head > head || known.cuts !== cuts);
    if (isOld) this.#count -= known.uuids.size;
    const usable = known === undefined || isOld ? { head: 0, cuts, uuids: new Set<string>() } : known;
    this.#logs.set(logId, usable);
    return usable;
  }
}

/** A log's content: what is at `head` after so many cuts never changes. */
export interface LogVersion {
  readonly logId: number;
  readonly head: number;
  readonly cuts: number;
}

export interface LogIds {
  readonly sessionId: number;
  readonly logId: number;
}

interface KnownLog {
  head: number;
  readonly cuts: number;
  readonly uuids: Set<string>;
}

const maxIds = 10_000;

// No name holds a NUL.
function nameOf({ project, session, log }: LogKey): string {
  return `${project}\0${session}\0${log}`;
}

const uuidsSql = "SELECT uuids FROM chunk WHERE log_id = ? AND first_seq > ? AND uuids IS NOT NULL";
