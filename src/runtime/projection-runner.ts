import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { Store } from "../core/store.ts";
import type { Projection, ProjectionStatus } from "./projection.ts";
import { clearProjection, type StepParams, takeStep } from "./projection-step.ts";
import { systemTimers, type Timers } from "./timers.ts";

export interface ProjectionRunnerParams {
  readonly store: Store;
  readonly projections: readonly Projection[];
  /** Changes a step; 1 to 1,000, default 100. */
  readonly batchSize?: number;
  /** The wait after a failure, doubled with each one that follows up to the longest; default 1 s and 60 s. */
  readonly retryMs?: number;
  readonly longestRetryMs?: number;
  /** How often it looks for what the feed does not tell, such as another process's pause; default 5 s. */
  readonly lookAgainMs?: number;
  readonly timers?: Timers;
  /** Told of each step that {@link ProjectionRunner.run} takes; must not throw. */
  readonly onStep?: (step: StepReport) => void;
}

/** What came of a step: where the projection stands, unless another runner was faster or it was stopped, or why the step failed. */
export interface StepReport {
  readonly projection: string;
  readonly position?: number;
  readonly error?: unknown;
}

/** Takes projections forward, each on its own: none waits for another, and no commit waits for any. */
export class ProjectionRunner {
  readonly #store: Store;
  readonly #projections: ReadonlyMap<string, Projection>;
  readonly #params: Required<Omit<ProjectionRunnerParams, "store" | "projections">>;
  readonly #wakes = new Map<string, () => void>();

  constructor({ store, projections, ...params }: ProjectionRunnerParams) {
    this.#store = store;
    this.#projections = new Map(projections.map((projection) => [projection.name, projection]));
    this.#params = {
      batchSize: 100,
      retryMs: 1000,
      longestRetryMs: 60_000,
      lookAgainMs: 5000,
      timers: systemTimers,
      onStep: () => undefined,
      ...params,
    };
  }

  /** Follows the feed until the signal aborts, which may stop a step under way. @throws store_closed */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(Array.from(this.#projections.values(), (each) => this.#follow(each, signal)));
  }

  /** Takes all that are not paused to where the feed ends now, or until the signal aborts, and tells where they stand. @throws store_closed */
  async catchUp(signal?: AbortSignal): Promise<readonly ProjectionStatus[]> {
    await Promise.all(Array.from(this.#projections.values(), (each) => this.#takeAll(each, { signal })));
    return this.list();
  }

  /** Where all projections of the store stand, by name. */
  async list(): Promise<readonly ProjectionStatus[]> {
    const rows = await this.#store.projections();
    // The feed's end is read last: nobody is ahead of it by the order of reading.
    const feed = await this.#feedPosition();
    const named = new Map(rows.map((row) => [row.name, row]));
    const names = [...new Set([...named.keys(), ...this.#projections.keys()])].toSorted();
    return names.map((name) => {
      const row = named.get(name) ?? { name, position: 0, paused: false, updatedAtMs: null };
      return { ...row, lag: feed - row.position, known: this.#projections.has(name) };
    });
  }

  /**
   * Forgets what a projection holds and builds it anew, also one that is paused. What stopped it stands in the
   * answer's `error`. @throws usage for a name that this program does not know
   */
  async rebuild(name: string): Promise<ProjectionStatus> {
    const projection = this.#projections.get(name);
    if (projection === undefined) throw this.#unknown(name);
    await clearProjection(this.#store, name);
    await this.#takeAll(projection, { forced: true });
    this.#wakes.get(name)?.();
    return this.#status(name);
  }

  /** Lets a projection stand where it is, in every process; a step under way is finished. @throws usage */
  pause(name: string): Promise<ProjectionStatus> {
    return this.#setPaused(name, true);
  }

  /** Lets it go on, and a failed one try again at once. @throws usage */
  resume(name: string): Promise<ProjectionStatus> {
    return this.#setPaused(name, false);
  }

  async #setPaused(name: string, paused: boolean): Promise<ProjectionStatus> {
    await this.#status(name);
    await this.#store.setProjection({ projection: name, paused });
    this.#wakes.get(name)?.();
    return this.#status(name);
  }

  async #status(name: string): Promise<ProjectionStatus> {
    const found = (await this.list()).find((status) => status.name === name);
    if (found === undefined) throw this.#unknown(name);
    return found;
  }

  #unknown(name: string): HoldfastError {
    const names = [...this.#projections.keys()].toSorted();
    return new HoldfastError({
      code: "usage",
      message: `There is no projection ${name}.`,
      next: `Name one of these: ${names.join(", ")}.`,
      data: { name, names },
    });
  }

  async #feedPosition(): Promise<number> {
    return (await this.#store.changes({ after: 0, limit: 1 })).position;
  }

  async #takeAll(projection: Projection, how: StepHow): Promise<void> {
    const end = await this.#feedPosition();
    try {
      while (how.signal?.aborted !== true) {
        const step = await this.#step(projection, how);
        if (step.as !== "moved" || (step.position ?? 0) >= end) return;
        await turnOfEventLoop();
      }
    } catch (error) {
      await this.#keepError(projection, error);
    }
  }

  #step(projection: Projection, how: StepHow) {
    return takeStep({ store: this.#store, projection, limit: this.#params.batchSize, ...how });
  }

  async #follow(projection: Projection, signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      // Before the step: whoever lets it go on meanwhile is not missed.
      const woken = this.#wakeOf(projection);
      try {
        const step = await this.#step(projection, { signal });
        failures = 0;
        this.#params.onStep({ projection: projection.name, ...("position" in step && step) });
        if (step.as === "moved") await turnOfEventLoop();
        else await this.#sleep({ woken, signal, ...(step.as === "idle" && { after: step.position }) });
      } catch (error) {
        this.#params.onStep({ projection: projection.name, error });
        await this.#keepError(projection, error);
        await this.#sleep({ woken, signal, ms: this.#retryMs(failures) });
        failures += 1;
      }
    }
  }

  #wakeOf({ name }: Projection): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wakes.set(name, resolve);
    return promise;
  }

  #retryMs(failures: number): number {
    const { retryMs, longestRetryMs } = this.#params;
    return Math.min(longestRetryMs, retryMs * 2 ** failures);
  }

  /** An error that cannot be kept is seen again at the next try. @throws store_closed */
  async #keepError({ name }: Projection, error: unknown): Promise<void> {
    const message = error instanceof Error ? error.message : String(error);
    await this.#store.setProjection({ projection: name, error: message }).catch((second: unknown) => {
      if (isHoldfastError(second) && second.code === "store_closed") throw second;
    });
  }

  /** Waits until it is woken, for a change behind `after`, and for a time at most. */
  async #sleep({ woken, signal, after, ms = this.#params.lookAgainMs }: SleepParams): Promise<void> {
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    const pause = this.#params.timers.wait(ms, stop).catch(() => undefined);
    const change = after === undefined ? pause : nextChange(this.#store, after, stop);
    try {
      await Promise.race([change, pause, woken]);
    } finally {
      over.abort();
    }
  }
}

type StepHow = Pick<StepParams, "forced" | "signal">;

interface SleepParams {
  readonly woken: Promise<void>;
  readonly signal: AbortSignal;
  readonly after?: number;
  readonly ms?: number;
}

async function nextChange(store: Store, after: number, signal: AbortSignal): Promise<void> {
  for await (const _ of store.watch({ after }, signal)) return;
}

// A step reads without waiting for anything: thousands in a row would stop the whole process.
function turnOfEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
