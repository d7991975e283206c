import { setTimeout } from "node:timers/promises";

/**
 * Spaces what is done again and again, such as looks at the feed: one that took long met a busy server, and the next one
 * waits four times as long. Else ten processes that follow the feed of a busy store take the server from those who write.
 */
export class Pace {
  #freeAtMs = 0;

  async next<Result>(work: () => Promise<Result>): Promise<Result> {
    const waitMs = this.#freeAtMs - performance.now();
    if (waitMs > 0) await setTimeout(waitMs);
    const startMs = performance.now();
    try {
      return await work();
    } finally {
      const endMs = performance.now();
      this.#freeAtMs = endMs + Math.min(longestMs, 4 * Math.max(0, endMs - startMs - quickMs));
    }
  }
}

// A quiet server answers in less, and then nobody waits.
const quickMs = 2;
const longestMs = 100;
