import { type Clock, systemClock } from "../core/clock.ts";
import type { SessionKey } from "../core/ids.ts";
import type { Change } from "../core/store.ts";
import { mirrorLedger, mirrorProjection } from "./mirror-projection.ts";
import type { MirrorPair } from "./mirror-session.ts";
import { ProjectionRunner, type StepReport } from "./projection-runner.ts";
import { systemTimers, type Timers } from "./timers.ts";

/** How far a mirror is behind its primary. */
export interface MirrorLag {
  /** Changes that the secondary does not have yet. */
  readonly behind: number;
  /** Since when it has been behind, by this machine's clock; null: it has caught up. */
  readonly sinceMs: number | null;
  /** Why the last step failed; absent since one has succeeded. */
  readonly error?: unknown;
}

export interface MirrorFeedParams extends MirrorPair {
  readonly isOff: () => boolean;
  readonly onLag?: ((lag: MirrorLag) => void) | undefined;
  /** The wait after a failure, doubled with each one that follows up to the longest; default 250 ms and 5 s. */
  readonly retryMs?: number;
  readonly longestRetryMs?: number;
  readonly timers?: Timers;
  readonly clock?: Clock;
}

/** Feeds a secondary from its primary's change feed while the mirror is not off. */
export class MirrorFeed {
  readonly #pair: MirrorPair;
  readonly #isOff: () => boolean;
  readonly #onLag: (lag: MirrorLag) => void;
  readonly #timers: Timers;
  readonly #clock: Clock;
  readonly #runner: ProjectionRunner;
  readonly #ended = new AbortController();
  readonly #waiting = new Set<() => void>();
  #running: Promise<void> = Promise.resolve();
  #position: number | undefined;
  #feed = 0;
  #sinceMs: number | null = null;
  #error: unknown;
  #failures = 0;

  constructor({ primary, secondary, isOff, onLag = () => undefined, ...params }: MirrorFeedParams) {
    const { retryMs = 250, longestRetryMs = 5000, timers = systemTimers, clock = systemClock } = params;
    this.#pair = { primary, secondary };
    this.#isOff = isOff;
    this.#onLag = onLag;
    this.#timers = timers;
    this.#clock = clock;
    this.#runner = new ProjectionRunner({
      store: mirrorLedger(this.#pair),
      projections: [mirrorProjection(this.#pair)],
      batchSize: 500,
      ...{ retryMs, longestRetryMs, timers },
      onStep: (step) => void this.#taken(step),
    });
  }

  /** How many steps failed since this process began. */
  get failures(): number {
    return this.#failures;
  }

  start(): void {
    this.#running = this.#supervise();
  }

  /** Ends after the step under way, but waits no longer than this. */
  async stop(withinMs: number): Promise<void> {
    this.#ended.abort();
    this.#wake();
    await Promise.race([this.#running, this.#timers.wait(withinMs, new AbortController().signal)]);
  }

  /** Where the secondary stands; asked of it once. */
  async position(): Promise<number> {
    this.#position ??= await this.readPosition();
    return this.#position;
  }

  /** Where it stands by its own word, whoever feeds it. */
  async readPosition(): Promise<number> {
    const [row] = await mirrorLedger(this.#pair).projections();
    return row?.position ?? 0;
  }

  async feedPosition(): Promise<number> {
    return (this.#feed = (await this.#pair.primary.changes({ after: 0, limit: 1 })).position);
  }

  /** The lag as this process has last seen it. */
  async lag(): Promise<MirrorLag> {
    return this.#lagAt(await this.feedPosition(), await this.position());
  }

  /** Whether all that concerns a session, or all there is, was taken; while the primary cannot say, what it said last counts. */
  async hasTaken(session?: SessionKey): Promise<boolean> {
    const after = await this.position();
    try {
      const limit = 100;
      const { changes, position } = await this.#pair.primary.changes({ after, limit });
      this.#feed = position;
      if (session === undefined) return changes.length === 0;
      return changes.length < limit && !changes.some((change) => isOf(change, session));
    } catch {
      return after === this.#feed;
    }
  }

  /** Resolves when this change of the feed was taken; tells whether it was, where the signal aborts first. */
  async reaches(position: number, signal: AbortSignal): Promise<boolean> {
    const stop = AbortSignal.any([signal, this.#ended.signal]);
    // One that does not say where it stands has not reached it yet.
    const here = (): Promise<number> => this.position().catch(() => -1);
    while ((await here()) < position && !stop.aborted) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        stop.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    return (await here()) >= position;
  }

  async #supervise(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      if (!this.#isOff()) await this.#feedUntilOff(signal);
      else await this.#timers.wait(lookAgainMs, signal);
    }
  }

  async #feedUntilOff(signal: AbortSignal): Promise<void> {
    const off = new AbortController();
    const stop = AbortSignal.any([signal, off.signal]);
    // Another process may have fed it meanwhile.
    this.#position = undefined;
    const running = this.#runner.run(stop).catch((error: unknown) => this.#end(error));
    while (!stop.aborted && !this.#isOff()) {
      await this.#timers.wait(lookAgainMs, stop);
      if (this.#sinceMs !== null) this.#tell();
    }
    off.abort();
    await running;
  }

  /** Only a store that was closed ends the runner. */
  #end(error: unknown): void {
    this.#error = error;
    this.#ended.abort();
  }

  async #taken({ position, error }: StepReport): Promise<void> {
    if (error !== undefined) this.#failures += 1;
    this.#error = error;
    if (position !== undefined) this.#position = position;
    await this.feedPosition().catch(() => undefined);
    if (this.#position !== undefined || error !== undefined) this.#tell();
    this.#wake();
  }

  #tell(): void {
    const lag = this.#lagAt(this.#feed, this.#position ?? 0);
    try {
      this.#onLag(lag);
    } catch {
      // What a listener does is no reason to stop.
    }
  }

  #lagAt(feed: number, position: number): MirrorLag {
    const behind = Math.max(0, feed - position);
    if (behind === 0 && this.#error === undefined) this.#sinceMs = null;
    else this.#sinceMs ??= this.#clock.now();
    const error = this.#error === undefined ? {} : { error: this.#error };
    return { behind, sinceMs: this.#sinceMs, ...error };
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

/** How often the flag is looked at. */
const lookAgainMs = 200;

function isOf(change: Change, { project, session }: SessionKey): boolean {
  return change.project === project && change.session === session;
}
