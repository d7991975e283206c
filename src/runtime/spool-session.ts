import type { LogKey, SessionKey } from "../core/ids.ts";
import type { AppendResult, Fold } from "../core/store.ts";
import type { SpooledBatch, SpoolDepth } from "../core/spool.ts";

/** What a spool knows of a session in memory: what waits, who waits for it, and where its logs are believed to end. */
export class SpoolSession {
  readonly key: SessionKey;
  /** The folds that came with batches, which no file can keep. */
  readonly folds = new Map<number, Fold>();
  readonly #logs = new Map<string, SpoolLog>();
  readonly #drains = new Set<Drain>();
  /** A batch of it is on its way. */
  isActive = false;
  failures = 0;
  willTryAgain = false;
  /** The last batch that may be sent: what comes behind it is not accounted for yet. */
  lastId = 0;
  /** The greatest epoch that the store refused; none of it or before it will be taken again. */
  lostEpoch = 0;

  constructor(key: SessionKey) {
    this.key = key;
  }

  get batches(): number {
    return this.#sum(({ batches }) => batches);
  }

  get entries(): number {
    return this.#sum(({ entries }) => entries);
  }

  log(name: string): SpoolLog {
    const found = this.#logs.get(name) ?? { uuids: new Set(), committed: 0, batches: 0, entries: 0 };
    this.#logs.set(name, found);
    return found;
  }

  /** Takes over what the file holds from before. */
  restore({ log, batches, entries, lastId }: SpoolDepth): void {
    this.lastId = Math.max(this.lastId, lastId);
    Object.assign(this.log(log), { batches, entries });
  }

  added({ id, log, entries }: SpooledBatch, fold: Fold | undefined): void {
    const own = this.log(log.log);
    this.lastId = Math.max(this.lastId, id);
    own.batches += 1;
    own.entries += entries.length;
    for (const { uuid } of entries) if (uuid !== undefined) own.uuids.add(uuid);
    if (fold !== undefined) this.folds.set(id, fold);
  }

  /** Batches of one log wait no more: the store has them, or they are set aside. */
  settled(batches: readonly SpooledBatch[], result: AppendResult | undefined): void {
    const own = this.log(batches[0]!.log.log);
    own.batches = Math.max(0, own.batches - batches.length);
    for (const { id, entries } of batches) {
      own.entries = Math.max(0, own.entries - entries.length);
      for (const { uuid } of entries) if (uuid !== undefined) own.uuids.delete(uuid);
      this.folds.delete(id);
    }
    if (result !== undefined) own.committed = result.to;
    const last = batches.at(-1)!.id;
    for (const drain of this.#drains) if (drain.upTo <= last) this.#end(drain, drain.resolve);
  }

  /** Resolves when what waits now waits no more; the next failure ends it. */
  drained(): Promise<void> {
    const upTo = this.lastId;
    return new Promise((resolve, reject) => this.#drains.add({ upTo, resolve, reject }));
  }

  /** Tells those who wait for it. */
  failed(error: unknown): void {
    for (const drain of this.#drains) this.#end(drain, () => drain.reject(error));
  }

  /** Nothing waits any more. */
  emptied(): void {
    for (const log of this.#logs.values()) Object.assign(log, { batches: 0, entries: 0, uuids: new Set() });
    this.folds.clear();
    for (const drain of this.#drains) this.#end(drain, drain.resolve);
  }

  #end(drain: Drain, tell: () => void): void {
    this.#drains.delete(drain);
    tell();
  }

  #sum(of: (log: SpoolLog) => number): number {
    let sum = 0;
    for (const log of this.#logs.values()) sum += of(log);
    return sum;
  }
}

/** A log that is written through the spool. */
export interface SpoolLog {
  /** Of the entries that wait. */
  uuids: Set<string>;
  /** Where the log ended when the store answered last; 0: not known. */
  committed: number;
  batches: number;
  entries: number;
}

interface Drain {
  readonly upTo: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** One text for one session. */
export function idOf({ project, session }: SessionKey): string {
  return JSON.stringify([project, session]);
}

/** The batches at the front that can be one append: of the same log, said to be written in the same way. */
export function sameAppend(batches: readonly SpooledBatch[]): readonly SpooledBatch[] {
  const [first] = batches;
  const end = batches.findIndex((batch) => wayOf(batch) !== wayOf(first!));
  return end === -1 ? batches : batches.slice(0, end);
}

function wayOf({ log, provider, reopen, epoch, folds }: SpooledBatch & { readonly log: LogKey }): string {
  return JSON.stringify([log.log, provider, reopen, epoch, folds]);
}
