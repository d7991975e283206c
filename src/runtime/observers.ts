import type { LiveEvent } from "../core/event.ts";
import type { SessionKey } from "../core/ids.ts";
import type { Input } from "../core/input.ts";
import type { Fence } from "../core/lease.ts";
import type { Claim } from "../core/run.ts";
import type { Timers } from "./timers.ts";

/** Looks on at live events and does something of its own about them; what is replayed never reaches it. */
export interface RunObserver {
  readonly name: string;
  /** Told when the event was taken, of a result when it is committed; the context is one object for the whole run. */
  onEvent(context: ObservedRun, event: LiveEvent): void | Promise<void>;
}

/** The run that an observer looks at. */
export interface ObservedRun {
  readonly session: SessionKey;
  readonly run: string;
  readonly input: Pick<Input, "id" | "key" | "provider">;
  /** For what is to be refused once the run has lost its lease, or has ended. */
  readonly fence: Fence;
}

export interface ObserversParams {
  readonly observers: readonly RunObserver[];
  readonly timers: Timers;
  readonly onError: (error: unknown) => void;
}

/**
 * All observers of a worker. What one throws is told; one that is late at a boundary is not waited for again before it
 * has caught up; and one that never ends is put aside.
 */
export class Observers {
  readonly #params: ObserversParams;
  /** What each has begun and not ended, over all runs. */
  readonly #open = new Map<RunObserver, Set<Promise<void>>>();
  readonly #late = new Set<RunObserver>();
  readonly #aside = new Set<RunObserver>();

  constructor(params: ObserversParams) {
    this.#params = params;
    for (const observer of params.observers) this.#open.set(observer, new Set());
  }

  /** Begins to look at a run. */
  of({ run, input, lease }: Claim): Observed {
    const { project, session } = run;
    const context: ObservedRun = {
      session: { project, session },
      run: run.id,
      input: { id: input.id, key: input.key, provider: input.provider },
      fence: { epoch: lease.epoch },
    };
    const begun = new Map<Promise<void>, RunObserver>();
    return {
      tell: (event) => {
        for (const observer of this.#open.keys())
          if (!this.#aside.has(observer)) this.#tell(observer, { context, event, begun });
      },
      settled: async () => await this.#settled(begun),
    };
  }

  #tell(observer: RunObserver, { context, event, begun }: Telling): void {
    try {
      const told = observer.onEvent(context, event);
      if (told !== undefined) this.#follow(observer, told, begun);
    } catch (error) {
      this.#fail(observer, error);
    }
  }

  #follow(observer: RunObserver, told: Promise<void>, begun: Map<Promise<void>, RunObserver>): void {
    const open = this.#open.get(observer)!;
    const ended = Promise.resolve(told)
      .catch((error: unknown) => this.#fail(observer, error))
      .finally(() => {
        open.delete(ended);
        begun.delete(ended);
        if (open.size === 0) this.#late.delete(observer);
      });
    open.add(ended);
    begun.set(ended, observer);
    if (open.size <= mostOpen) return;
    this.#aside.add(observer);
    this.#fail(observer, new Error("it never ends, and is told nothing more"));
  }

  async #settled(begun: ReadonlyMap<Promise<void>, RunObserver>): Promise<void> {
    const isLost = (observer: RunObserver): boolean => this.#late.has(observer) || this.#aside.has(observer);
    const waited = new Map([...begun].filter(([, observer]) => !isLost(observer)));
    if (waited.size === 0) return;
    const over = new AbortController();
    const late = this.#params.timers.wait(graceMs, over.signal).then(() => "late" as const);
    const first = await Promise.race([Promise.all(waited.keys()), late]);
    over.abort();
    if (first !== "late") return;
    for (const observer of new Set([...waited].flatMap(([ended, one]) => (begun.has(ended) ? [one] : [])))) {
      this.#late.add(observer);
      this.#fail(observer, new Error(`it has not ended after ${graceMs} ms, and the run goes on without it`));
    }
  }

  #fail({ name }: RunObserver, cause: unknown): void {
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#params.onError(new Error(`The observer ${name} failed: ${reason}`, { cause }));
  }
}

/** One run, as its observers see it. */
export interface Observed {
  tell(event: LiveEvent): void;
  /** Resolves when what they began has ended, or when nobody waits for it any more. */
  settled(): Promise<void>;
}

interface Telling {
  readonly context: ObservedRun;
  readonly event: LiveEvent;
  readonly begun: Map<Promise<void>, RunObserver>;
}

/** How long a boundary waits for an observer. */
const graceMs = 1000;
/** Of one observer; each holds an event. */
const mostOpen = 1000;
