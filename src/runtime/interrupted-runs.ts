import type { Run } from "../core/run.ts";
import type { Store } from "../core/store.ts";

/** What a run is to show again, oldest first; `more`: there are older ones, which it is not. */
export interface InterruptedRuns {
  readonly runs: readonly Run[];
  readonly more: boolean;
}

/** The runs of the session that were interrupted since the last one that ended otherwise. Price: one small read where there are none. */
export async function interruptedBefore(store: Store, run: Run): Promise<InterruptedRuns> {
  // Epochs of a session are given once: nobody had it before.
  if (run.epoch === 1) return none;
  const { project, session } = run;
  const of = { session: { project, session } };
  const [own, last] = (await store.runs({ ...of, limit: 2 })).runs;
  if (own?.id !== run.id || last?.state !== "interrupted") return none;
  const { runs } = await store.runs({ ...of, limit: mostRuns + 2 });
  const at = runs.findIndex(({ id }) => id === run.id) + 1;
  const before = runs.slice(at);
  const end = before.findIndex(({ state }) => state !== "interrupted");
  const chain = end === -1 ? before : before.slice(0, end);
  return { runs: chain.slice(0, mostRuns).toReversed(), more: chain.length > mostRuns };
}

const none: InterruptedRuns = { runs: [], more: false };

/** An input that fails for days would else copy all of them into each next run. */
const mostRuns = 32;
