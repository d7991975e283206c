import { closedStore } from "../../core/checks.ts";
import type { Client, Listening } from "./client.ts";
import { numberChanges } from "./number-changes.ts";
import type { Place } from "./place.ts";

/**
 * Wakes readers: at once for a commit of this process, by a notification for others', and by a slow poll where a
 * process died between its commit and its notification.
 */
export class Watch {
  readonly #client: Client;
  readonly #place: Place;
  readonly #pollMs: number;
  readonly #waiting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #listening: Promise<Listening | undefined> | undefined;
  #looking: Promise<number> | undefined;
  #nextLook: Promise<number> | undefined;
  #telling: Promise<void> | undefined;
  #isToldAgain = false;
  #closed = false;

  constructor({ client, place, pollMs }: WatchParams) {
    this.#client = client;
    this.#place = place;
    this.#pollMs = pollMs;
  }

  /** Yields the feed's position each time it has passed the last one seen. */
  async *positions(after: number, signal: AbortSignal): AsyncIterable<{ readonly position: number }> {
    let seen = after;
    while (!signal.aborted) {
      // Waiting begins before the position is read, so a commit between the two is not missed.
      const wake = this.#wait(signal);
      try {
        const position = await this.#position();
        if (position > seen) yield { position: (seen = position) };
        else await wake.promise;
      } finally {
        wake.done();
      }
    }
  }

  /** Tells all readers, here and elsewhere, that something was committed. */
  wake(): void {
    this.#wakeOwn();
    this.#isToldAgain = this.#telling !== undefined;
    this.#telling ??= this.#tell();
  }

  /** Ends all readers, and waits until the others were told. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wakeOwn();
    await this.#telling;
    await (await this.#listening)?.end();
  }

  #wakeOwn(): void {
    for (const resolve of [...this.#waiting]) resolve();
  }

  // A NOTIFY inside the transaction that writes would hold a lock of the whole database while it commits. On its own
  // it is cheap, and one tells of all commits before it. Where it fails, the poll tells.
  async #tell(): Promise<void> {
    do {
      this.#isToldAgain = false;
      await this.#client.query("SELECT pg_notify($1, '')", this.#place.channel).catch(() => {});
    } while (this.#isToldAgain);
    this.#telling = undefined;
  }

  // All readers that wake at one moment share one look at the feed; one that is under way may have looked too early.
  #position(): Promise<number> {
    if (this.#closed) throw closedStore(this.#place.url);
    this.#nextLook ??= this.#look();
    return this.#nextLook;
  }

  async #look(): Promise<number> {
    await this.#looking?.catch(() => {});
    this.#nextLook = undefined;
    this.#looking = numberChanges(this.#client);
    return this.#looking;
  }

  #wait(signal: AbortSignal): { readonly promise: Promise<void>; readonly done: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = (): void => {
      this.#waiting.delete(done);
      signal.removeEventListener("abort", done);
      if (this.#waiting.size === 0) this.#stopPolling();
      resolve();
    };
    this.#waiting.add(done);
    signal.addEventListener("abort", done, { once: true });
    this.#timer ??= setInterval(() => this.#wakeOwn(), this.#pollMs);
    this.#listening ??= this.#listen();
    return { promise, done };
  }

  #listen(): Promise<Listening | undefined> {
    const wake = (): void => this.#wakeOwn();
    return this.#client.listen(this.#place.channel, wake, wake).catch(() => undefined);
  }

  #stopPolling(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

interface WatchParams {
  readonly client: Client;
  readonly place: Place;
  readonly pollMs: number;
}
