import { setTimeout as delay } from "node:timers/promises";
import { abortedWrite } from "../../core/checks.ts";
import type { Connection } from "./connection.ts";
import { busyTooLong, isBusy } from "./errors.ts";

/** A write that waits for its turn; may run more than once before it counts. */
export type Write<Result> = (connection: Connection) => Result;

/**
 * Group commit: the writes that wait at the same moment share one transaction and one sync to disk.
 * Nobody is answered before the transaction has committed.
 */
export class CommitQueue {
  readonly #open: () => Connection;
  readonly #path: string;
  readonly #lockWaitMs: number;
  readonly #committed: () => void;
  readonly #undone: () => void;
  #waiting: Job[] = [];
  #draining: Promise<void> | undefined;

  constructor({ open, path, lockWaitMs, committed, undone }: CommitQueueParams) {
    this.#open = open;
    this.#path = path;
    this.#lockWaitMs = lockWaitMs;
    this.#committed = committed;
    this.#undone = undone;
  }

  /** Queues a write. @throws aborted when the signal fires before its turn has come */
  submit<Result>(write: Write<Result>, signal?: AbortSignal): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const sinceMs = performance.now();
      const job: Job = { write, resolve: resolve as (value: unknown) => void, reject, sinceMs, signal };
      if (signal?.aborted === true) return reject(abortedWrite());
      this.#withdrawOnAbort(job);
      this.#waiting.push(job);
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    while (this.#draining !== undefined) await this.#draining;
  }

  #withdrawOnAbort(job: Job): void {
    if (job.signal === undefined) return;
    job.withdraw = () => {
      const at = this.#waiting.indexOf(job);
      if (at === -1) return;
      this.#waiting.splice(at, 1);
      job.reject(abortedWrite());
    };
    job.signal.addEventListener("abort", job.withdraw, { once: true });
  }

  async #drain(): Promise<void> {
    // One turn of the event loop lets the appends that were made in this one join the same transaction.
    await new Promise<void>((resolve) => setImmediate(resolve));
    let apart = false;
    while (this.#waiting.length > 0) {
      const tried = this.#tryGroup(apart);
      if (tried === "done") break;
      apart ||= tried === "refused";
      if (typeof tried === "object") await this.#waitForLock(tried.fault);
    }
    this.#draining = this.#waiting.length > 0 ? this.#drain() : undefined;
  }

  /** Commits all that waits, and answers; else all still waits, and nothing has changed. */
  #tryGroup(apart: boolean): "done" | "refused" | { readonly fault: unknown } {
    let connection: Connection;
    try {
      connection = this.#open();
      connection.perform("BEGIN IMMEDIATE");
    } catch (fault) {
      return { fault };
    }
    const jobs = this.#waiting.splice(0);
    try {
      const answers = jobs.map((job) => (apart ? runApart : runHere)(connection, job, this.#undone));
      connection.perform("COMMIT");
      jobs.forEach((job, index) => settle(job, answers[index]!));
      this.#committed();
    } catch (fault) {
      this.#undone();
      rollback(connection);
      if (jobs.length === 1 || apart) return refuseAll(jobs, fault);
      this.#waiting.unshift(...jobs);
      return "refused";
    }
    return "done";
  }

  /** Gives up the writes that have waited for the lock too long, all when it is no lock that they wait for. */
  async #waitForLock(fault: unknown): Promise<void> {
    if (!isBusy(fault)) return void refuseAll(this.#waiting.splice(0), fault);
    const now = performance.now();
    const late = this.#waiting.filter(({ sinceMs }) => now - sinceMs > this.#lockWaitMs);
    this.#waiting = this.#waiting.filter((job) => !late.includes(job));
    for (const job of late) refuseAll([job], busyTooLong(this.#path, Math.round(now - job.sinceMs)));
    if (this.#waiting.length > 0) await delay(1 + Math.random() * 3);
  }
}

interface CommitQueueParams {
  readonly open: () => Connection;
  readonly path: string;
  readonly lockWaitMs: number;
  readonly committed: () => void;
  /** Called when anything was rolled back, before the next write runs. */
  readonly undone: () => void;
}

interface Job {
  readonly write: Write<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly sinceMs: number;
  readonly signal: AbortSignal | undefined;
  withdraw?: () => void;
}

function refuseAll(jobs: readonly Job[], fault: unknown): "done" {
  for (const job of jobs) settle(job, () => job.reject(fault));
  return "done";
}

/** Its error takes the whole transaction back: a savepoint would copy each page that the write changes. */
function runHere(connection: Connection, { write, resolve }: Job): () => void {
  const result = write(connection);
  return () => resolve(result);
}

/** Runs one write in a savepoint, so that it is refused alone. */
function runApart(connection: Connection, { write, resolve, reject }: Job, undone: () => void): () => void {
  connection.run("SAVEPOINT job");
  try {
    const result = write(connection);
    connection.run("RELEASE job");
    return () => resolve(result);
  } catch (error) {
    undone();
    rollbackTo(connection, error);
    return () => reject(error);
  }
}

// After a full disk SQLite has rolled back by itself, and what then fails says nothing beside the first error.
function rollbackTo(connection: Connection, cause: unknown): void {
  try {
    connection.exec("ROLLBACK TO job; RELEASE job");
  } catch {
    throw cause;
  }
}

function rollback(connection: Connection): void {
  try {
    connection.run("ROLLBACK");
  } catch {}
}

function settle(job: Job, answer: () => void): void {
  if (job.withdraw !== undefined) job.signal?.removeEventListener("abort", job.withdraw);
  answer();
}
