import type { Store } from "../core/store.ts";
import { type Comparable, differenceOf } from "./mirror-compare.ts";
import type { MirrorFeed } from "./mirror-feed.ts";
import type { MirrorPair } from "./mirror-session.ts";

/** A read that both stores answered otherwise at one position of the feed. */
export interface MirrorDifference {
  readonly verb: keyof Store;
  /** What was read. */
  readonly params: unknown;
  /** The first part that differs, such as `entry 5` or `title`. */
  readonly what: string;
}

export interface ShadowCounts {
  readonly compared: number;
  readonly differences: number;
  /** Reads that were not compared: too many at once, a store that failed, or answers that never stood still. */
  readonly skipped: number;
}

/** A read, and how its answer is compared. */
export interface ShadowRead {
  readonly verb: keyof Store;
  readonly params: unknown;
  readonly ask: (store: Store) => Promise<Comparable>;
}

interface ShadowParams extends MirrorPair {
  readonly feed: MirrorFeed;
  readonly onDifference?: ((difference: MirrorDifference) => void) | undefined;
}

/** Makes reads again on both stores, behind the caller's back, and counts what differs. */
export class Shadow {
  readonly #params: ShadowParams;
  readonly #open = new Set<Promise<void>>();
  #compared = 0;
  #differences = 0;
  #skipped = 0;

  constructor(params: ShadowParams) {
    this.#params = params;
  }

  get counts(): ShadowCounts {
    return { compared: this.#compared, differences: this.#differences, skipped: this.#skipped };
  }

  /** Begins to compare a read; nobody waits for it. */
  offer(read: ShadowRead): void {
    if (this.#open.size >= atOnce) {
      this.#skipped += 1;
      return;
    }
    const compared = this.#compare(read)
      .catch(() => void (this.#skipped += 1))
      .finally(() => this.#open.delete(compared));
    this.#open.add(compared);
  }

  /** Resolves when all that was offered is compared. */
  async idle(): Promise<void> {
    await Promise.all(this.#open);
  }

  async #compare(read: ShadowRead): Promise<void> {
    const { primary, secondary, feed } = this.#params;
    for (let tries = 0; tries < maxTries; tries += 1) {
      const position = await feed.feedPosition();
      const wanted = await read.ask(primary);
      if (!(await feed.reaches(position, AbortSignal.timeout(caughtUpMs)))) break;
      const what = differenceOf(wanted, await read.ask(secondary));
      // The two answers are of one position only if the feed has not moved.
      if (what === undefined || (await feed.feedPosition()) === position) return this.#count(read, what);
    }
    this.#skipped += 1;
  }

  #count({ verb, params }: ShadowRead, what: string | undefined): void {
    this.#compared += 1;
    if (what === undefined) return;
    this.#differences += 1;
    try {
      this.#params.onDifference?.({ verb, params, what });
    } catch {
      // What a listener does is no reason to stop.
    }
  }
}

const atOnce = 8;
const maxTries = 3;
const caughtUpMs = 5000;
