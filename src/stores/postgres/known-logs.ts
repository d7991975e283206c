import { uuidsIn } from "../../core/chunk.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Query } from "./client.ts";
import { KnownSessions } from "./known-sessions.ts";

/**
 * The uuids of the logs that this process writes, so that dedupe needs no index in random order. A set is exact for one
 * head of one log, compared under the session's lock: others' appends move the head, and what they added is then read.
 */
export class KnownLogs {
  readonly #sessions = new KnownSessions();
  readonly #logs = new Map<number, KnownLog>();
  readonly #limit: number;
  readonly #lifeNow: () => number;
  #count = 0;
  #life = 0;

  constructor({ limit = 500_000, life = () => 0 }: KnownLogsParams = {}) {
    this.#limit = limit;
    this.#lifeNow = life;
  }

  get sessions(): KnownSessions {
    this.#forgetFormerLife();
    return this.#sessions;
  }

  /** All uuids of a log up to its head; the caller holds the session's lock, and changes nothing in the set. */
  async upTo(query: Query, { project, session }: SessionKey, log: LogVersion): Promise<ReadonlySet<string>> {
    this.#forgetFormerLife();
    const known = this.#usable(log);
    if (known.head < log.head) {
      const rows = await query<UuidsRow>(uuidsSql, project, session, log.logId, known.head);
      this.#add(
        log.logId,
        known,
        rows.flatMap(({ uuids }) => uuidsIn(uuids)),
      );
      known.head = log.head;
      this.#forgetOldest(log.logId);
    }
    return known.uuids;
  }

  /** The same without a look at the store; undefined where the set is not that of this version. */
  at({ logId, head, cuts }: LogVersion): ReadonlySet<string> | undefined {
    this.#forgetFormerLife();
    const known = this.#logs.get(logId);
    return known?.head === head && known.cuts === cuts ? known.uuids : undefined;
  }

  /** Adds what was committed behind a version, if the set is still the one of that version. */
  advance({ logId, head, cuts }: LogVersion, to: number, uuids: Iterable<string>): void {
    this.#forgetFormerLife();
    const known = head === 0 ? this.#usable({ logId, head, cuts }) : this.#logs.get(logId);
    if (known?.head !== head || known.cuts !== cuts) return;
    this.#add(logId, known, uuids);
    known.head = to;
    this.#forgetOldest(logId);
  }

  // The same head and version may be of other content there.
  #forgetFormerLife(): void {
    const life = this.#lifeNow();
    if (life === this.#life) return;
    this.#life = life;
    this.#sessions.forgetAll();
    this.#logs.clear();
    this.#count = 0;
  }

  #add(logId: number, known: KnownLog, uuids: Iterable<string>): void {
    const before = known.uuids.size;
    for (const uuid of uuids) known.uuids.add(uuid);
    // One that was forgotten while its uuids were read is whole for its reader alone.
    if (this.#logs.get(logId) === known) this.#count += known.uuids.size - before;
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

  #forgetOldest(used: number): void {
    for (const [id, { uuids }] of this.#logs) {
      if (this.#count <= this.#limit && this.#logs.size <= maxLogs) break;
      if (id === used) continue;
      this.#logs.delete(id);
      this.#count -= uuids.size;
    }
  }
}

interface KnownLogsParams {
  readonly limit?: number;
  /** The server's life: what was learned in another one is forgotten. */
  readonly life?: () => number;
}

/** A log's content: what is at `head` after so many cuts never changes. */
export interface LogVersion {
  readonly logId: number;
  readonly head: number;
  readonly cuts: number;
}

interface KnownLog {
  head: number;
  readonly cuts: number;
  readonly uuids: Set<string>;
}

interface UuidsRow {
  readonly uuids: string;
}

const maxLogs = 10_000;

const uuidsSql = `
  SELECT uuids FROM hf.chunk
  WHERE project = $1 AND session = $2 AND log_id = $3 AND first_seq > $4 AND uuids IS NOT NULL`;
