import type { ProjectionRow, SetProjectionParams } from "../../core/projection.ts";
import type { Connection } from "./connection.ts";
import { findProjection, saveProjection } from "./projections.ts";

/** Pauses a projection or lets it go on, and keeps why its last step failed. */
export function setProjection(
  connection: Connection,
  { projection: name, paused, error }: SetProjectionParams,
  now: number,
): ProjectionRow {
  const { error: known, ...row } = findProjection(connection, name) ?? { name, position: 0, paused: false };
  const kept = error === undefined ? known : (error ?? undefined);
  return saveProjection(connection, {
    ...row,
    paused: paused ?? row.paused,
    ...(kept === undefined ? {} : { error: kept }),
    updatedAtMs: now,
  });
}
