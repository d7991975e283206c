import type { ProjectionRow, SetProjectionParams } from "../../core/projection.ts";
import type { Writer } from "./in-session.ts";
import { lockProjection, saveProjection } from "./projections.ts";

/** Pauses a projection or lets it go on, and keeps why its last step failed. */
export async function setProjection(
  { client, now }: Writer,
  { projection: name, paused, error }: SetProjectionParams,
): Promise<ProjectionRow> {
  return client.transaction(async (query) => {
    const found = await lockProjection(query, name, now());
    const { error: known, ...row } = found.row;
    const kept = error === undefined ? known : (error ?? undefined);
    return saveProjection(query, {
      ...row,
      paused: paused ?? row.paused,
      ...(kept === undefined ? {} : { error: kept }),
      updatedAtMs: found.now,
    });
  });
}
