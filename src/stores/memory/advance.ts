import type { AdvanceParams, ProjectionRow } from "../../core/projection.ts";
import type { SessionKey } from "../../core/ids.ts";
import { positionConflict } from "../../core/work-checks.ts";
import { projectionOf } from "./projections.ts";
import { idOf, type State } from "./state.ts";

/** Moves a projection on, together with its documents. */
export function advance(state: State, params: AdvanceParams): ProjectionRow {
  const { projection: name, from, to, documents = [], clear = false } = params;
  const position = state.projections.get(name)?.row.position ?? 0;
  if (position !== from) throw positionConflict(name, position, from);
  const stored = projectionOf(state, name);
  if (clear) stored.documents.clear();
  for (const { session, body } of documents) {
    if (body === null) stored.documents.delete(idOf(session));
    else if (isThere(state, session)) stored.documents.set(idOf(session), body);
  }
  // A step that succeeded ends the last one's error.
  const { error: _error, ...row } = stored.row;
  stored.row = { ...row, position: to, updatedAtMs: state.clock.now() };
  return { ...stored.row };
}

// What its own logs tell may come before the session is in the catalogue, and it stays there without any log.
function isThere(state: State, key: SessionKey): boolean {
  const found = state.sessions.get(idOf(key));
  if (found === undefined || found.visible) return found !== undefined;
  return [...found.logs.values()].some(({ committed }) => committed > 0);
}
