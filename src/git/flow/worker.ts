import { setTimeout as sleep } from "node:timers/promises";
import { Attempts } from "./attempts.ts";
import { flowPaths } from "./flow-paths.ts";
import { logFailure } from "./hook-log.ts";
import { kernelLock } from "./kernel-lock.ts";
import { type EventKind, Spool, type SpooledEvent } from "./spool.ts";

/** What is to be done for an event; when it resolves, the work is durable and the event goes. */
type EventHandler = (event: SpooledEvent) => Promise<void>;

export interface WorkParams {
  readonly commonDir: string;
  /** Events of a kind that nobody handles stay in the spool. */
  readonly handlers: Readonly<Partial<Record<EventKind, EventHandler>>>;
  /** Runs with the lock held when nothing waits any more. */
  readonly whenDrained?: () => Promise<void>;
  /** True: what fails waits for the next worker. */
  readonly isOnce?: boolean;
  /** Pauses before what failed is tried again by this worker. */
  readonly pausesMs?: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

export interface Worked {
  /** False: another worker has the repository, and sees to all that is in the spool. */
  readonly held: boolean;
  readonly done: number;
  /** Events whose work failed and that wait for the next worker. */
  readonly failed: number;
  /** Events that are not tried any more. */
  readonly aside: number;
}

/** So often is an event begun before it is set aside: a worker that died over it counts too. */
export const mostAttempts = 5;

/** Does what the spool asks for, in order, as the one worker of the repository; one event that fails stops no other. */
export async function work(params: WorkParams): Promise<Worked> {
  const draining = new Draining(params);
  let isHeld = false;
  for (;;) {
    using lock = kernelLock(flowPaths(params.commonDir).workerLock, { waitMs: 0 });
    if (lock === null) break;
    isHeld = true;
    await draining.drain();
    await whenDrained(params);
    lock[Symbol.dispose]();
    // Whoever noted an event while the lock was held has gone away because of it.
    if (!draining.isMore() || params.signal?.aborted === true) break;
  }
  return { held: isHeld, ...draining.counts() };
}

const defaultPausesMs = [1_000, 5_000, 20_000];
const pollMs = 250;
// The queue of what is to be pushed is a file of its own: the next push goes on with it.
const forgotten: ReadonlySet<EventKind> = new Set(["pre-push"]);

class Draining {
  readonly #params: WorkParams;
  readonly #spool: Spool;
  readonly #attempts: Attempts;
  /** Events that failed here, with the time when they are tried again; never where this worker does not. */
  readonly #failed = new Map<string, { readonly times: number; readonly againMs: number }>();
  readonly #passedOver = new Set<string>();
  #done = 0;
  #aside = 0;

  constructor(params: WorkParams) {
    this.#params = params;
    this.#spool = new Spool(params);
    this.#attempts = new Attempts(params);
  }

  counts(): Pick<Worked, "done" | "failed" | "aside"> {
    return { done: this.#done, failed: this.#failed.size, aside: this.#aside };
  }

  isMore(): boolean {
    return this.#names().length > 0;
  }

  async drain(): Promise<void> {
    while (!this.#isStopped()) {
      const names = this.#names();
      for (const name of names) if (!this.#isStopped()) await this.#handle(name);
      if (names.length > 0) continue;
      const next = Math.min(...[...this.#failed.values()].map(({ againMs }) => againMs));
      if (next === Infinity) return;
      // In small steps: what is noted meanwhile does not wait for what failed.
      await sleep(Math.max(1, Math.min(pollMs, next - performance.now())));
    }
  }

  #isStopped(): boolean {
    return this.#params.signal?.aborted === true;
  }

  /** What can be done now, oldest first. */
  #names(): readonly string[] {
    const now = performance.now();
    return this.#spool
      .names()
      .filter((name) => !this.#passedOver.has(name) && (this.#failed.get(name)?.againMs ?? 0) <= now);
  }

  async #handle(name: string): Promise<void> {
    const event = this.#spool.read(name);
    if (event === undefined) return;
    const handle = this.#params.handlers[event.kind];
    if (handle === undefined) return void this.#passedOver.add(name);
    const { before, reason } = this.#attempts.begin(name);
    if (before >= mostAttempts) return this.#giveUp(event, reason);
    try {
      await handle(event);
      this.#spool.done(name);
      this.#attempts.forget(name);
      this.#failed.delete(name);
      this.#done += 1;
    } catch (error) {
      this.#fail(event, before + 1, error);
    }
  }

  #fail(event: SpooledEvent, count: number, error: unknown): void {
    const { commonDir, isOnce = false, pausesMs = defaultPausesMs } = this.#params;
    const reason = logFailure(commonDir, `${event.kind} ${event.name}`, error, "workerLog");
    this.#attempts.failed(event.name, count, reason);
    if (count >= mostAttempts) return this.#giveUp(event, reason);
    const times = (this.#failed.get(event.name)?.times ?? 0) + 1;
    const pauseMs = isOnce ? undefined : pausesMs[times - 1];
    const againMs = pauseMs === undefined ? Infinity : performance.now() + pauseMs;
    this.#failed.set(event.name, { times, againMs });
  }

  #giveUp({ name, kind }: SpooledEvent, reason: string): void {
    this.#failed.delete(name);
    if (forgotten.has(kind)) this.#spool.done(name);
    else {
      this.#spool.setAside(name, reason);
      this.#aside += 1;
    }
    this.#attempts.forget(name);
  }
}

async function whenDrained({ commonDir, whenDrained: act }: WorkParams): Promise<void> {
  try {
    await act?.();
  } catch (error) {
    logFailure(commonDir, "upkeep", error, "workerLog");
  }
}
