import { abortedWrite } from "../../core/checks.ts";
import type { SessionKey } from "../../core/ids.ts";

/** Lets this process's appends of one session follow one another; those of other sessions go beside them. */
export class SessionTurns {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs the work once the session's earlier ones have ended. @throws aborted when the signal fires before */
  async take<Result>(
    { project, session }: SessionKey,
    signal: AbortSignal | undefined,
    work: () => Promise<Result>,
  ): Promise<Result> {
    if (signal?.aborted === true) throw abortedWrite();
    const name = `${project}\0${session}`;
    const before = this.#last.get(name);
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    // Who gives up leaves the line whole: the one behind still waits for the one before.
    const turn = before === undefined ? ended : before.then(() => ended);
    this.#last.set(name, turn);
    try {
      if (before !== undefined) await waitFor(before, signal);
      return await work();
    } finally {
      end();
      if (this.#last.get(name) === turn) this.#last.delete(name);
    }
  }

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    while (this.#last.size > 0) await Promise.all(this.#last.values());
  }
}

function waitFor(before: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return before;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const giveUp = (): void => reject(abortedWrite());
  signal.addEventListener("abort", giveUp, { once: true });
  before.then(() => {
    signal.removeEventListener("abort", giveUp);
    resolve();
  }, reject);
  return promise;
}
