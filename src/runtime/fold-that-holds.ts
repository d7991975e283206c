import type { Fold } from "../core/store.ts";

/** A fold that a transcript cannot stop: where it throws, the session's summary counts as stale until it is made anew. */
export function foldThatHolds(fold: Fold): Fold {
  return (state, appended) => {
    try {
      return fold(state, appended);
    } catch {
      return { summary: null, title: state.title };
    }
  };
}
