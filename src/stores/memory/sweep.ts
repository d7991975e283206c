import { type SweepParams, type SweepResult, sweepResult } from "../../core/sweep.ts";
import type { State } from "./state.ts";

/** Removes what nothing refers to any more, or only tells it. */
export function sweep(state: State, { minAgeMs, projections, dryRun = false }: SweepParams): SweepResult {
  const before = state.clock.now() - minAgeMs;
  const holds = idleHolds(state, before);
  const ended = Map.groupBy(holds, ({ blob }) => blob);
  const blobs = [...state.blobs].flatMap(([blob, { holders }]) =>
    holders.size === (ended.get(blob)?.length ?? 0) ? [blob] : [],
  );
  const gone = [...state.projections.keys()].filter((name) => projections?.includes(name) === false);
  const documents = gone.map((name) => state.projections.get(name)!.documents.size);
  if (!dryRun) {
    for (const { blob, session } of holds) state.blobs.get(blob)!.holders.delete(session);
    for (const blob of blobs) state.blobs.delete(blob);
    for (const name of gone) state.projections.delete(name);
  }
  return sweepResult({
    blob_hold: holds.length,
    blob: blobs.length,
    projection: gone.length,
    document: documents.reduce((sum, count) => sum + count, 0),
  });
}

interface Hold {
  readonly blob: string;
  readonly session: string;
}

function idleHolds(state: State, before: number): Hold[] {
  const holds: Hold[] = [];
  for (const [blob, { holders }] of state.blobs)
    for (const [session, atMs] of holders)
      if (atMs <= before && !isBegun(state, session)) holds.push({ blob, session });
  return holds;
}

// An input may name a blob before its session has a row.
function isBegun(state: State, session: string): boolean {
  return state.sessions.has(session) || (state.lanes.get(session)?.inputs.size ?? 0) > 0;
}
