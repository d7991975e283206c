/** The worker's own sense of time: how long something took, and waiting. Never compared with the store's clock. */
export interface Timers {
  /** Ms that only grow, from any start. */
  now(): number;
  /** Resolves after a time, or at once when the signal aborts. Keeps no process alive. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** The machine's own. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  wait: (ms, signal) => {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      timer.unref();
      signal.addEventListener("abort", done);
    });
  },
};
