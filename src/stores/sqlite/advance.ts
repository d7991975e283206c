import type { AdvanceParams, ProjectionRow } from "../../core/projection.ts";
import { positionConflict } from "../../core/work-checks.ts";
import type { Connection } from "./connection.ts";
import { findProjection, saveProjection } from "./projections.ts";

/** Moves a projection on, together with its documents. */
export function advance(connection: Connection, params: AdvanceParams, now: number): ProjectionRow {
  const { projection: name, from, to, documents = [], clear = false } = params;
  const known = findProjection(connection, name);
  const position = known?.position ?? 0;
  if (position !== from) throw positionConflict(name, position, from);
  if (clear) connection.run("DELETE FROM document WHERE projection = ?", name);
  for (const { session: key, body } of documents) {
    if (body === null) connection.run(removeSql, name, key.project, key.session);
    else connection.run(documentSql, name, key.project, key.session, body, key.project, key.session);
  }
  // A step that succeeded ends the last one's error.
  return saveProjection(connection, { name, position: to, paused: known?.paused ?? false, updatedAtMs: now });
}

const removeSql = "DELETE FROM document WHERE projection = ? AND project = ? AND session = ?";
const documentSql = `
  INSERT OR REPLACE INTO document (projection, project, session, body)
  SELECT ?, ?, ?, ? WHERE EXISTS (
    SELECT 1 FROM session s WHERE s.project = ? AND s.session = ? AND (
      s.hidden = 0 OR EXISTS (SELECT 1 FROM log l WHERE l.session_id = s.id AND l.committed > 0)))`;
