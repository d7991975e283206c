import { setTimeout as delay } from "node:timers/promises";
import { abortedWrite } from "../../core/checks.ts";
import type { Connection } from "./connection.ts";
import { busyTooLong, isBusy } from "./errors.ts";

/** A write that waits for its turn: runs inside a savepoint, so that its refusal fails alone. */
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
      const job: Job = { write, resolve: resolve as (value: unknown) => void, reject, signal };
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
    const startedAtMs = performance.now();
    while (this.#waiting.length > 0) {
      const fault = this.#tryGroup();
      if (fault !== undefined) await this.#waitForLock(fault, performance.now() - startedAtMs);
      else if (this.#waiting.length > 0) break;
    }
    this.#draining = this.#waiting.length > 0 ? this.#drain() : undefined;
  }

  /** Commits all that waits; an error here means that the lock was not free, and all still waits. */
  #tryGroup(): unknown {
    let connection: Connection;
    try {
      connection = this.#open();
      connection.run("BEGIN IMMEDIATE");
    } catch (error) {
      return error;
    }
    const jobs = this.#waiting;
    this.#waiting = [];
    commitGroup(connection, jobs, this.#undone);
    this.#committed();
    return undefined;
  }

  async #waitForLock(fault: unknown, waitedMs: number): Promise<void> {
    const last = !isBusy(fault)
      ? fault
      : waitedMs > this.#lockWaitMs
        ? busyTooLong(this.#path, Math.round(waitedMs))
        : undefined;
    if (last === undefined) return void (await delay(1 + Math.random() * 3));
    const jobs = this.#waiting;
    this.#waiting = [];
    for (const job of jobs) settle(job, () => job.reject(last));
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
  readonly signal: AbortSignal | undefined;
  withdraw?: () => void;
}

function commitGroup(connection: Connection, jobs: readonly Job[], undone: () => void): void {
  let answers: readonly (() => void)[];
  try {
    answers = jobs.length === 1 ? [runAlone(connection, jobs[0]!)] : runTogether(connection, jobs, undone);
    connection.run("COMMIT");
  } catch (error) {
    undone();
    rollback(connection);
    for (const job of jobs) settle(job, () => job.reject(error));
    return;
  }
  jobs.forEach((job, index) => settle(job, answers[index]!));
}

// Its error takes the whole transaction back.
function runAlone(connection: Connection, { write, resolve }: Job): () => void {
  const result = write(connection);
  return () => resolve(result);
}

/**
 * A savepoint for each job would cost a tenth of a small append: all run inside one, and only where one is
 * refused they run again, each in its own, so that the refused one fails alone.
 */
function runTogether(
  connection: Connection,
  jobs: readonly Job[],
  undone: () => void,
): readonly (() => void)[] {
  connection.run("SAVEPOINT jobs");
  try {
    return jobs.map((job) => runAlone(connection, job));
  } catch {
    undone();
    connection.run("ROLLBACK TO jobs");
    return jobs.map((job) => runApart(connection, job, undone));
  }
}

/** Runs one write and gives back the answer to send once the transaction stands. */
function runApart(connection: Connection, { write, resolve, reject }: Job, undone: () => void): () => void {
  connection.run("SAVEPOINT job");
  try {
    const result = write(connection);
    connection.run("RELEASE job");
    return () => resolve(result);
  } catch (error) {
    undone();
    connection.exec("ROLLBACK TO job; RELEASE job");
    return () => reject(error);
  }
}

// After a full disk SQLite has rolled back by itself, and a second rollback is an error that says nothing.
function rollback(connection: Connection): void {
  try {
    connection.run("ROLLBACK");
  } catch {}
}

function settle(job: Job, answer: () => void): void {
  if (job.withdraw !== undefined) job.signal?.removeEventListener("abort", job.withdraw);
  answer();
}
