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

/** All observers of a worker. What one throws is told, and one that hangs is put aside: no run ever waits for it again. */
export class Observers {
  readonly #params: ObserversParams;
  readonly #aside = new Set<RunObserver>();

  constructor(params: ObserversParams) {
    this.#params = params;
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
    const open = new Map<Promise<void>, RunObserver>();
    return {
      tell: (event) => {
        for (const observer of this.#params.observers)
          if (!this.#aside.has(observer)) this.#tell(observer, { context, event, open });
      },
      settled: async () => await this.#settled(open),
    };
  }

  #tell(observer: RunObserver, { context, event, open }: Telling): void {
    try {
      const told = observer.onEvent(context, event);
      if (told === undefined) return;
      const ended = Promise.resolve(told)
        .catch((error: unknown) => this.#fail(observer, error))
        .finally(() => open.delete(ended));
      open.set(ended, observer);
      if (open.size > mostOpen) this.#putAside([observer]);
    } catch (error) {
      this.#fail(observer, error);
    }
  }

  async #settled(open: ReadonlyMap<Promise<void>, RunObserver>): Promise<void> {
    const waited = [...open].flatMap(([ended, observer]) => (this.#aside.has(observer) ? [] : [ended]));
    if (waited.length === 0) return;
    const over = new AbortController();
    const late = this.#params.timers.wait(graceMs, over.signal).then(() => "late" as const);
    const first = await Promise.race([Promise.all(waited), late]);
    over.abort();
    if (first === "late") this.#putAside(waited.flatMap((ended) => open.get(ended) ?? []));
  }

  #putAside(observers: readonly RunObserver[]): void {
    for (const observer of new Set(observers)) {
      if (this.#aside.has(observer)) continue;
      this.#aside.add(observer);
      this.#fail(observer, new Error("it does not end, and is told nothing more"));
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
  readonly open: Map<Promise<void>, RunObserver>;
}

/** How long a boundary may wait for an observer, once. */
const graceMs = 1000;
/** Of one run; each holds an event. */
const mostOpen = 1000;
