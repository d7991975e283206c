import type { LogKey } from "../../core/ids.ts";
import { uuidsIn } from "../../core/chunk.ts";
import type { Connection } from "./connection.ts";

/**
 * What this process knows of the logs that it writes: their rows, whose ids are never given twice, and their uuids,
 * so that dedupe needs no index in random order: such an index writes one page more for each entry. A set of uuids
 * is exact for one head of one log, checked under the write lock: another process's appends move the head, and what
 * they added is then read in order of seq.
 */
export class KnownLogs {
  readonly #found = new Map<string, FoundLog>();
  readonly #logs = new Map<number, KnownLog>();
  readonly #limit: number;
  #count = 0;

  constructor({ limit = 500_000 }: { readonly limit?: number } = {}) {
    this.#limit = limit;
  }

  /** A log as this process last wrote it: another may have written since, and its row may be gone. */
  find(key: LogKey): FoundLog | undefined {
    return this.#found.get(nameOf(key));
  }

  /** Remembers a log as it is now. */
  learn(key: LogKey, found: FoundLog): void {
    if (this.#found.size >= maxFound) this.#found.clear();
    this.#found.set(nameOf(key), found);
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
    this.#found.clear();
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

/** A log's row. */
export interface FoundLog extends LogVersion {
  readonly sessionId: number;
  readonly committed: number;
  readonly atMs: number;
}

interface KnownLog {
  head: number;
  readonly cuts: number;
  readonly uuids: Set<string>;
}

const maxFound = 10_000;

// No name holds a NUL.
function nameOf({ project, session, log }: LogKey): string {
  return `${project}\0${session}\0${log}`;
}

const uuidsSql = "SELECT uuids FROM chunk WHERE log_id = ? AND first_seq > ? AND uuids IS NOT NULL";
