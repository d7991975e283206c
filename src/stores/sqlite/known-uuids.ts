import type { Connection } from "./connection.ts";

/**
 * The uuids of the logs that this process writes, so that dedupe needs no index in random order: such an index
 * writes one page more for each entry. A set is exact for one head of one log, checked under the write lock:
 * another process's appends move the head, and what they added is then read from the index in order of seq.
 */
export class KnownUuids {
  readonly #logs = new Map<number, KnownLog>();
  readonly #limit: number;
  #count = 0;

  constructor({ limit = 500_000 }: { readonly limit?: number } = {}) {
    this.#limit = limit;
  }

  /** All uuids of a log up to its head; the caller adds those it inserts and then calls `advance`. */
  upTo(connection: Connection, logId: number, head: number): Set<string> {
    const known = this.#usable(logId, head);
    if (known.head < head) {
      const before = known.uuids.size;
      for (const { uuid } of connection.all<{ uuid: string }>(uuidsSql, logId, known.head))
        known.uuids.add(uuid);
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

  /** Forgets all; after a roll-back the sets hold what was never stored. */
  clear(): void {
    this.#logs.clear();
    this.#count = 0;
  }

  #usable(logId: number, head: number): KnownLog {
    const known = this.#logs.get(logId);
    this.#logs.delete(logId);
    if (known !== undefined && known.head > head) this.#count -= known.uuids.size;
    const usable = known === undefined || known.head > head ? { head: 0, uuids: new Set<string>() } : known;
    this.#logs.set(logId, usable);
    return usable;
  }
}

interface KnownLog {
  head: number;
  readonly uuids: Set<string>;
}

const uuidsSql = "SELECT uuid FROM entry WHERE log_id = ? AND seq > ? AND uuid IS NOT NULL";
