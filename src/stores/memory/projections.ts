import type { ProjectionRow } from "../../core/projection.ts";
import type { State, StoredProjection } from "./state.ts";

/** Where the projections stand, by name. */
export function projections(state: State): ProjectionRow[] {
  const rows = [...state.projections.values()].map(({ row }) => ({ ...row }));
  return rows.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The projection, made where there is none. */
export function projectionOf(state: State, name: string): StoredProjection {
  const found = state.projections.get(name);
  if (found !== undefined) return found;
  const row = { name, position: 0, paused: false, updatedAtMs: state.clock.now() };
  const made: StoredProjection = { row, documents: new Map() };
  state.projections.set(name, made);
  return made;
}
