import type { ProjectedParams } from "../../core/projection.ts";
import { idOf, type State } from "./state.ts";

/** A projection's document of a session. */
export function projected(state: State, { projection, session }: ProjectedParams): string | null {
  return state.projections.get(projection)?.documents.get(idOf(session)) ?? null;
}
