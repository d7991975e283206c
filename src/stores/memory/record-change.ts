import type { SessionKey } from "../../core/ids.ts";
import type { Change } from "../../core/store.ts";
import type { State } from "./state.ts";

/** Adds one row to the change feed, as the last step of a write, and wakes the watchers. */
export function recordChange(state: State, { key, ...change }: RecordChangeParams): void {
  const { project, session } = key;
  state.changes.push({ seq: state.changes.length + 1, project, session, ...change });
  for (const wake of [...state.watchers]) wake();
}

interface RecordChangeParams extends Omit<Change, "seq" | "project" | "session"> {
  readonly key: SessionKey;
}
