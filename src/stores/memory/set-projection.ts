import type { ProjectionRow, SetProjectionParams } from "../../core/projection.ts";
import { projectionOf } from "./projections.ts";
import type { State } from "./state.ts";

/** Pauses a projection or lets it go on, and keeps why its last step failed. */
export function setProjection(state: State, params: SetProjectionParams): ProjectionRow {
  const stored = projectionOf(state, params.projection);
  const { error: known, ...row } = stored.row;
  const error = params.error === undefined ? known : (params.error ?? undefined);
  stored.row = {
    ...row,
    paused: params.paused ?? row.paused,
    ...(error === undefined ? {} : { error }),
    updatedAtMs: state.clock.now(),
  };
  return { ...stored.row };
}
