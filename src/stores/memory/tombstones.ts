import { checkLimit } from "../../core/checks.ts";
import type { Tombstone, TombstonesParams } from "../../core/store.ts";
import type { State } from "./state.ts";

/** What is left of dropped sessions, the newest removal first. */
export function tombstones(
  state: State,
  { project, sessionPrefix = "", limit = 50 }: TombstonesParams,
): Tombstone[] {
  checkLimit(limit, 1000);
  // A session that is dropped again moves to the end of the map.
  return [...state.tombstones.values()]
    .filter((row) => row.session.startsWith(sessionPrefix) && row.project === (project ?? row.project))
    .reverse()
    .toSorted((a, b) => b.droppedAtMs - a.droppedAtMs)
    .slice(0, limit)
    .map((row) => ({ ...row }));
}
