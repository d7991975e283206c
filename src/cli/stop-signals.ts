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
