import type { EntryInput } from "./entry.ts";
import type { LogKey, SessionKey } from "./ids.ts";
import type { AppendParams } from "./store.ts";

/** A durable queue of appends between a writer and a store that is far away: what a spool's file does. */
export interface Spool {
  readonly path: string;
  /** Keeps a batch behind all others of its session; on disk when it resolves. */
  put(batch: SpoolBatch): Promise<SpooledBatch>;
  /** The oldest batches of a session that wait, up to this one, about a megabyte of them; the first one whole, however long. */
  next(session: SessionKey, upTo: number): readonly SpooledBatch[];
  /** Forgets batches that the store has. */
  remove(ids: readonly number[]): Promise<void>;
  /** Keeps batches that the store refused where nothing ships them. */
  setAside(ids: readonly number[], refusal: SpoolRefusal): Promise<void>;
  /** What waits, log by log. */
  waiting(): readonly SpoolDepth[];
  /** What was set aside, the oldest first, in pieces. */
  aside(session?: SessionKey): Iterable<AsideBatch>;
  /** Lets batches that were set aside wait again, without the fence that they came with; tells how many. */
  retry(ids: readonly number[]): Promise<number>;
  /** Counts the retries that were ever asked for, by any process. */
  retries(): number;
  close(): Promise<void>;
}

/** One append, as far as it can be kept. */
export interface SpoolBatch extends Pick<AppendParams, "provider" | "reopen"> {
  readonly log: LogKey;
  readonly entries: readonly EntryInput[];
  /** Of the fence that the append carried. */
  readonly epoch?: number;
  /** Whether it came with a fold, which cannot be kept. */
  readonly folds: boolean;
}

export interface SpooledBatch extends SpoolBatch {
  readonly id: number;
  /** Names the batch alone, for ever: what has no uuid gets one from it. */
  readonly name: string;
  readonly atMs: number;
}

export interface SpoolRefusal {
  readonly code: string;
  readonly reason: string;
}

export interface AsideBatch extends SpooledBatch, SpoolRefusal {
  readonly asideAtMs: number;
}

export interface SpoolDepth extends LogKey {
  readonly batches: number;
  readonly entries: number;
  readonly lastId: number;
  /** When the oldest was spooled. */
  readonly sinceMs: number;
}
