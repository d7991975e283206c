import { checkAfter, closedStore } from "../../core/checks.ts";
import type { State } from "./state.ts";

/** Yields the feed's position each time it has passed the last one seen. */
export async function* watch(
  state: State,
  after: number,
  signal: AbortSignal,
): AsyncIterable<{ readonly position: number }> {
  checkAfter(after, state.changes.length, "the change feed");
  let seen = after;
  while (!signal.aborted) {
    if (state.closed) throw closedStore(state.url);
    const position = state.changes.length;
    if (position > seen) {
      seen = position;
      yield { position };
    } else {
      await woken(state, signal);
    }
  }
}

function woken({ watchers }: State, signal: AbortSignal): Promise<void> {
  return new Promise<void>((resolve) => {
    const done = (): void => {
      watchers.delete(done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    watchers.add(done);
    signal.addEventListener("abort", done, { once: true });
  });
}
