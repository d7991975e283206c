import type { Connection } from "./connection.ts";
import { positionOf } from "./changes.ts";

/**
 * Wakes readers: at once for a commit of this process, by polling `data_version` for others'.
 * A poll costs 3 µs; file events miss commits and cannot replace it.
 */
export class Watch {
  readonly #connection: () => Connection;
  readonly #pollMs: number;
  readonly #waiting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #version = -1;

  constructor({ connection, pollMs }: { readonly connection: () => Connection; readonly pollMs: number }) {
    this.#connection = connection;
    this.#pollMs = pollMs;
  }

  /** Yields the feed's position each time it has passed the last one seen. */
  async *positions(after: number, signal: AbortSignal): AsyncIterable<{ readonly position: number }> {
    let seen = after;
    while (!signal.aborted) {
      // Listening starts before the position is read, so a commit between the two is not missed.
      const wake = this.#listen(signal);
      try {
        const position = positionOf(this.#connection());
        if (position <= seen) await wake.promise;
        else yield { position: (seen = position) };
      } finally {
        wake.done();
      }
    }
  }

  /** Tells all readers that something was committed, or that the store closes. */
  wake(): void {
    for (const resolve of [...this.#waiting]) resolve();
  }

  #listen(signal: AbortSignal): { readonly promise: Promise<void>; readonly done: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = (): void => {
      this.#waiting.delete(done);
      signal.removeEventListener("abort", done);
      if (this.#waiting.size === 0) this.#stopPolling();
      resolve();
    };
    this.#waiting.add(done);
    signal.addEventListener("abort", done, { once: true });
    this.#timer ??= setInterval(() => this.#poll(), this.#pollMs);
    return { promise, done };
  }

  #stopPolling(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #poll(): void {
    const version = this.#connection().get<{ data_version: number }>("PRAGMA data_version")!.data_version;
    if (version === this.#version) return;
    this.#version = version;
    this.wake();
  }
}
