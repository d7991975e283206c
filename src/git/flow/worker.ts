import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorCode, isHoldfastError } from "../../core/errors.ts";
import { type Attempted, Attempts } from "./attempts.ts";
import { flowPaths } from "./flow-paths.ts";
import { logFailure } from "./hook-log.ts";
import { kernelLock } from "./kernel-lock.ts";
import { codeOf } from "./own-files.ts";
import { type EventKind, Spool, type SpooledEvent } from "./spool.ts";

/** What is to be done for an event; when it resolves, the work is durable and the event goes. */
type EventHandler = (event: SpooledEvent) => Promise<void>;

export interface WorkParams {
  readonly commonDir: string;
  /** Events of a kind that nobody handles stay in the spool. */
  readonly handlers: Readonly<Partial<Record<EventKind, EventHandler>>>;
  /** Runs with the lock held when nothing waits any more. */
  readonly whenDrained?: () => Promise<void>;
  /** True: all that waits is tried now, and what fails waits for the next worker. */
  readonly isOnce?: boolean;
  /** True: what was set aside waits again, and nothing rests. */
  readonly isRetry?: boolean;
  /** Pauses before what failed is tried again by this worker; after them it rests, longer each time. */
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

/** So often may a worker die over an event, or fail by what time does not mend, before it is set aside. */
export const mostAttempts = 5;

/** Does what the spool asks for, in order, as the one worker of the repository; one event that fails stops no other. */
export async function work(params: WorkParams): Promise<Worked> {
  if (params.isRetry === true) retry(params);
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
const restMs = { first: 60_000, most: 300_000 } as const;
// The queue of what is to be pushed is a file of its own: the next push goes on with it.
const forgotten: ReadonlySet<EventKind> = new Set(["pre-push"]);
// What is wrong with the event or with what it names. All else may pass: a full disk, a lock, a ref that somebody mends.
const lasting: ReadonlySet<ErrorCode> = new Set([
  "git_event_invalid",
  "git_content_invalid",
  "git_object_too_large",
  "git_output_too_large",
  "checkpoint_invalid",
]);

function retry({ commonDir }: WorkParams): void {
  const [spool, attempts] = [new Spool({ commonDir }), new Attempts({ commonDir })];
  spool.takeBack();
  for (const name of spool.names()) attempts.forget(name);
}

class Draining {
  readonly #params: WorkParams;
  readonly #spool: Spool;
  readonly #attempts: Attempts;
  /** By event, when it may be tried. */
  readonly #dueMs = new Map<string, number>();
  readonly #failed = new Set<string>();
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
    const { isOnce = false, pausesMs = defaultPausesMs } = this.#params;
    const longestMs = isOnce ? 0 : Math.max(0, ...pausesMs);
    while (!this.#isStopped()) {
      const names = this.#names();
      for (const name of names) if (!this.#isStopped()) await this.#handle(name);
      if (names.length > 0) continue;
      const waitMs = Math.min(...this.#waiting().map((name) => this.#dueAt(name))) - Date.now();
      if (waitMs > longestMs) return;
      // In small steps: what is noted meanwhile does not wait for what failed.
      await sleep(Math.max(1, Math.min(pollMs, waitMs)));
    }
  }

  #isStopped(): boolean {
    return this.#params.signal?.aborted === true;
  }

  #waiting(): readonly string[] {
    return this.#spool.names().filter((name) => !this.#passedOver.has(name));
  }

  /** What can be done now, oldest first. */
  #names(): readonly string[] {
    const now = Date.now();
    return this.#waiting().filter((name) => this.#dueAt(name) <= now);
  }

  #dueAt(name: string): number {
    let dueMs = this.#dueMs.get(name);
    if (dueMs === undefined) {
      const { againAtMs } = this.#attempts.read(name);
      // One further away than any rest was noted by a clock that has been put back since.
      const rests = this.#params.isOnce !== true && againAtMs - Date.now() <= restMs.most;
      this.#dueMs.set(name, (dueMs = rests ? againAtMs : 0));
    }
    return dueMs;
  }

  async #handle(name: string): Promise<void> {
    const event = this.#spool.read(name);
    if (event === undefined) return;
    if (typeof event === "string") return this.#setAside(name, event);
    const handle = this.#params.handlers[event.kind];
    if (handle === undefined) return void this.#passedOver.add(name);
    const before = this.#attempts.read(name);
    if (before.counted >= mostAttempts) return this.#giveUp(event, before.reason);
    try {
      this.#attempts.begin(name);
      await handle(event);
      this.#spool.done(name);
      this.#attempts.forget(name);
      this.#failed.delete(name);
      this.#done += 1;
    } catch (error) {
      this.#fail(event, before, error);
    }
  }

  #fail(event: SpooledEvent, before: Attempted, error: unknown): void {
    const { commonDir, isOnce = false, pausesMs = defaultPausesMs } = this.#params;
    const reason = logFailure(commonDir, `${event.kind} ${event.name}`, error, "workerLog");
    const counted = before.counted + (forgotten.has(event.kind) || isLasting(error) ? 1 : 0);
    const failures = before.failures + 1;
    const againAtMs = Date.now() + pauseMs(failures, pausesMs);
    this.#failed.add(event.name);
    this.#dueMs.set(event.name, isOnce ? Infinity : againAtMs);
    try {
      this.#attempts.note(event.name, { counted, failures, reason, againAtMs });
    } catch {
      // The disk that is full is full for this too.
    }
    if (counted >= mostAttempts) this.#giveUp(event, reason);
  }

  #giveUp({ name, kind }: SpooledEvent, reason: string): void {
    this.#failed.delete(name);
    if (forgotten.has(kind)) this.#spool.done(name);
    else this.#setAside(name, reason);
    this.#attempts.forget(name);
  }

  #setAside(name: string, reason: string): void {
    this.#spool.setAside(name, reason);
    this.#aside += 1;
  }
}

function isLasting(error: unknown): boolean {
  if (isHoldfastError(error)) return lasting.has(error.code);
  // What the system or SQLite says has a code; what has none is a mistake of ours.
  return !/^(?:E[A-Z0-9]+|ERR_SQLITE_ERROR)$/.test(codeOf(error) ?? "");
}

function pauseMs(failures: number, pausesMs: readonly number[]): number {
  const more = failures - 1 - pausesMs.length;
  return pausesMs[failures - 1] ?? Math.min(restMs.most, restMs.first * 2 ** Math.min(more, 10));
}

async function whenDrained({ commonDir, whenDrained: act }: WorkParams): Promise<void> {
  try {
    await act?.();
  } catch (error) {
    logFailure(commonDir, "upkeep", error, "workerLog");
  }
}
