import type { State, StoredSession } from "./state.ts";

/** Puts a session at its place among the recent ones; nearly always that is the end. */
export function place(state: State, session: StoredSession): void {
  state.recent.splice(countBefore(state, session), 0, session);
}

/** Takes a session out; to be called before its time changes. */
export function displace(state: State, session: StoredSession): void {
  state.recent.splice(countBefore(state, session), 1);
}

/** How many sessions are older than a position. */
export function countBefore(
  { recent }: State,
  { updatedAtMs, rowId }: Pick<StoredSession, "updatedAtMs" | "rowId">,
): number {
  let low = 0;
  let high = recent.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const row = recent[middle]!;
    const older = row.updatedAtMs < updatedAtMs || (row.updatedAtMs === updatedAtMs && row.rowId < rowId);
    if (older) low = middle + 1;
    else high = middle;
  }
  return low;
}
