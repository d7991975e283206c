import { closedStore } from "../../core/checks.ts";
import { isHoldfastError } from "../../core/errors.ts";
import type { Client, Listening } from "./client.ts";
import { numberChanges } from "./number-changes.ts";
import { Pace } from "./pace.ts";
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
  readonly #lookPace = new Pace();
  readonly #tellPace = new Pace();
  #timer: NodeJS.Timeout | undefined;
  #listening: Listening | undefined;
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
        const position = await this.#position(seen);
        if (position > seen) yield { position: (seen = position) };
        else await wake.promise;
      } finally {
        wake.done();
      }
    }
  }

  /** Tells all readers, here and, if there are any, elsewhere, that something was committed. */
  wake({ elsewhere = true }: { readonly elsewhere?: boolean } = {}): void {
    this.#wakeOwn();
    if (!elsewhere) return;
    this.#isToldAgain = this.#telling !== undefined;
    this.#telling ??= this.#tell();
  }

  /** Ends all readers, and waits until the others were told. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#wakeOwn();
    await Promise.all([this.#telling, this.#listening?.end()]);
  }

  readonly #wakeOwn = (): void => {
    for (const resolve of [...this.#waiting]) resolve();
  };

  // A NOTIFY inside the transaction that writes would hold a lock of the whole database while it commits. On its own
  // it is cheap, and one tells of all commits before it. Where it fails, the poll tells.
  async #tell(): Promise<void> {
    do {
      this.#isToldAgain = false;
      await this.#tellPace.next(() => this.#notify());
    } while (this.#isToldAgain);
    this.#telling = undefined;
  }

  async #notify(): Promise<void> {
    await this.#client.query("SELECT pg_notify($1, '')", this.#place.channel).catch(() => {});
  }

  // All readers that wake at one moment share one look at the feed; one that is under way may have looked too early. While
  // the server is away they wait: what they look for is there once it is back.
  async #position(otherwise: number): Promise<number> {
    if (this.#closed) throw closedStore(this.#place.url);
    try {
      return await (this.#nextLook ??= this.#look());
    } catch (error) {
      if (this.#closed) throw closedStore(this.#place.url);
      if (isHoldfastError(error) && error.retryable) return otherwise;
      throw error;
    }
  }

  async #look(): Promise<number> {
    await this.#looking?.catch(() => {});
    return this.#lookPace.next(() => {
      this.#nextLook = undefined;
      this.#looking = numberChanges(this.#client);
      return this.#looking;
    });
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
    this.#timer ??= setInterval(this.#wakeOwn, this.#pollMs);
    this.#listening ??= this.#client.listen(listenSql(this.#place), this.#wakeOwn, this.#wakeOwn);
    return { promise, done };
  }

  #stopPolling(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

// Whoever listens holds a lock for as long as its connection lives.
const lockSql = "hashtextextended('holdfast.watch.hf.', 0)";
const listenSql = ({ channel }: Place): string =>
  `LISTEN "${channel}"; SELECT pg_advisory_lock_shared(${lockSql})`;

/**
 * Whether anyone listens, or another writer asks at this moment. A notification after each append is a fifth of what the
 * client spends on it where one session appends, and most stores have no listener. One that begins to listen while the
 * append commits is told by its poll.
 */
export const isHeardSql = `
  CASE WHEN pg_try_advisory_lock(${lockSql}) THEN NOT pg_advisory_unlock(${lockSql}) ELSE true END`;

interface WatchParams {
  readonly client: Client;
  readonly place: Place;
  readonly pollMs: number;
}
