import type { Clock } from "../core/clock.ts";
import type { Store } from "../core/store.ts";
import { layered } from "./layered-store.ts";
import { MirrorFeed, type MirrorLag } from "./mirror-feed.ts";
import { type MirrorFlag, MirrorReads } from "./mirror-reads.ts";
import { type MirrorDifference, Shadow, type ShadowCounts } from "./mirror-shadow.ts";
import type { Timers } from "./timers.ts";

export interface MirroredOptions {
  /** A function is asked anew at each read, and a few times a second for the feeding: so it is switched live. */
  readonly flag: MirrorFlag | (() => MirrorFlag);
  /** Told after each step, and while the secondary stays behind: the place to log and to raise an alarm. */
  readonly onLag?: (lag: MirrorLag) => void;
  /** Told of each read that `shadow` found answered otherwise. */
  readonly onDifference?: (difference: MirrorDifference) => void;
  /** The wait after a failure, doubled with each one that follows up to the longest; default 250 ms and 5 s. */
  readonly retryMs?: number;
  readonly longestRetryMs?: number;
  /** How long a promoted read waits for the secondary before the primary answers it; default 1 s. */
  readonly patienceMs?: number;
  /** How long a close waits for a step under way; default 5 s. */
  readonly closeWithinMs?: number;
  readonly timers?: Timers;
  readonly clock?: Clock;
}

/** What {@link mirrored} does now. */
export interface MirrorStatus extends MirrorLag, ShadowCounts {
  readonly flag: MirrorFlag;
  /** The last change of the primary's feed that the secondary has. */
  readonly position: number;
  /** Steps that failed since this process began. */
  readonly failures: number;
  /** Reads that the secondary answered, and those that the primary had to answer although it is promoted. */
  readonly promoted: number;
  readonly fallbacks: number;
}

/** The primary store, mirrored. */
export interface MirroredStore extends Store {
  status(): Promise<MirrorStatus>;
  /** Resolves with true when the secondary has all that the primary has now; with false where the signal aborts first. */
  caughtUp(signal?: AbortSignal): Promise<boolean>;
}

/**
 * A store whose writes are the primary's alone, while its sessions are fed to the secondary from the change feed, behind
 * each commit; the flag says whether reads are compared or switched. Closing it closes both.
 */
export function mirrored(primary: Store, secondary: Store, options: MirroredOptions): MirroredStore {
  const { flag: given, onLag, onDifference, patienceMs = 1000, closeWithinMs = 5000, ...params } = options;
  const flag = typeof given === "function" ? given : () => given;
  const pair = { primary, secondary };
  const feed = new MirrorFeed({ ...pair, ...params, isOff: () => flag() === "off", onLag });
  const shadow = new Shadow({ ...pair, feed, onDifference });
  const reads = new MirrorReads({ ...pair, feed, shadow, flag, patienceMs });
  const never = new AbortController().signal;
  feed.start();
  return layered(primary, {
    ...reads.verbs(),
    status: async (): Promise<MirrorStatus> => {
      const position = await feed.position();
      const { counts } = reads;
      return {
        flag: flag(),
        position,
        ...(await feed.lag()),
        failures: feed.failures,
        ...counts,
        ...shadow.counts,
      };
    },
    caughtUp: async (signal: AbortSignal = never) => feed.reaches(await feed.feedPosition(), signal),
    close: async () => {
      await feed.stop(closeWithinMs);
      await Promise.all([primary.close(), secondary.close()]);
    },
  });
}
