import { runsFilterKeyOf } from "../../core/boundary.ts";
import { checkLimit } from "../../core/checks.ts";
import { decodeCursor, encodeCursor } from "../../core/cursor.ts";
import type { RunPage, RunsParams } from "../../core/run.ts";
import { findLane, type StoredRun } from "./lane.ts";
import { copyOfRun } from "./run.ts";
import type { State } from "./state.ts";

/** One page of runs, newest first. */
export function runs(state: State, params: RunsParams): RunPage {
  const { state: wanted, limit = 50, cursor } = params;
  checkLimit(limit, 1000);
  const filterKey = runsFilterKeyOf(params);
  const before = cursor === undefined ? Infinity : decodeCursor(cursor, filterKey).rowId;
  const rows = [...candidates(state, params)]
    .filter(({ rowId, value }) => rowId < before && (wanted === undefined || value.state === wanted))
    .toReversed();
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const found = page.map(({ value }) => copyOfRun(value));
  if (rows.length <= limit || last === undefined) return { runs: found };
  const position = { updatedAtMs: last.value.startedAtMs, rowId: last.rowId };
  return { runs: found, cursor: encodeCursor(position, filterKey) };
}

function candidates(state: State, { session, state: wanted }: RunsParams): Iterable<StoredRun> {
  if (session !== undefined) return findLane(state, session)?.runs ?? [];
  return wanted === "running" || wanted === "held" ? state.openRuns : state.runs.values();
}
