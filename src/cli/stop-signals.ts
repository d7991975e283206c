import { exitCodes } from "./exit-code.ts";
import { tellError } from "./output.ts";

/** Calls `stop` at the first Ctrl-C or its like, and ends the process at the second. */
export function stopSignals(stop: () => Promise<void>): Disposable {
  let isStopping = false;
  const onSignal = (): void => {
    if (isStopping) process.exit(exitCodes.stopped);
    isStopping = true;
    stop().catch(tellError);
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  return {
    [Symbol.dispose]() {
      process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    },
  };
}

/** Resolves once the signal aborts, and keeps the process alive until then: what waits for a change does not. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const alive = setInterval(() => undefined, 1 << 30);
  signal.addEventListener("abort", () => resolve(), { once: true });
  if (signal.aborted) resolve();
  return promise.finally(() => clearInterval(alive));
}

/** Keeps the process alive while a thing goes on whose timers and pipes do not. */
export async function keptAlive<Result>(done: Promise<Result>): Promise<Result> {
  const ended = new AbortController();
  const alive = untilAborted(ended.signal);
  try {
    return await done;
  } finally {
    ended.abort();
    await alive;
  }
}
