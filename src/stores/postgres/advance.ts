import type { AdvanceParams, ProjectionRow } from "../../core/projection.ts";
import { positionConflict } from "../../core/work-checks.ts";
import type { Query } from "./client.ts";
import type { Writer } from "./in-session.ts";
import { ownJson } from "./own-values.ts";
import { lockProjection, saveProjection } from "./projections.ts";

/** Moves a projection on, together with its documents. */
export async function advance({ client, now }: Writer, params: AdvanceParams): Promise<ProjectionRow> {
  const { projection: name, from, to, documents = [], clear = false } = params;
  return client.transaction(async (query) => {
    const found = await lockProjection(query, name, now());
    const { position, paused } = found.row;
    if (position !== from) throw positionConflict(name, position, from);
    if (clear) await query("DELETE FROM hf.document WHERE projection = $1", name);
    await saveDocuments(query, name, documents);
    // A step that succeeded ends the last one's error.
    return saveProjection(query, { name, position: to, paused, updatedAtMs: found.now });
  });
}

/** Of several for one session the last counts. */
async function saveDocuments(
  query: Query,
  name: string,
  documents: NonNullable<AdvanceParams["documents"]>,
): Promise<void> {
  const last = new Map(
    documents.map((one) => [JSON.stringify([one.session.project, one.session.session]), one]),
  );
  const rows = Array.from(last.values(), ({ session: { project, session }, body }) => ({
    project,
    session,
    body,
  }));
  if (rows.length === 0) return;
  const given = ownJson(rows);
  // The lanes first: a drop has ended before the documents are written, or finds them.
  await Promise.all([
    query(lanesSql, given),
    query(removeSql, name, given),
    query(documentsSql, name, given),
  ]);
}

const givenSql = (parameter: string): string =>
  `jsonb_to_recordset(${parameter}::text::jsonb) AS g (project text, session text, body text)`;
const lanesSql = `
  SELECT FROM ${givenSql("$1")} JOIN hf.lane l ON l.project = g.project AND l.session = g.session
  ORDER BY l.project, l.session FOR SHARE OF l`;
const removeSql = `
  DELETE FROM hf.document d USING ${givenSql("$2")}
  WHERE d.projection = $1 AND d.project = g.project AND d.session = g.session AND g.body IS NULL`;
const documentsSql = `
  INSERT INTO hf.document (project, session, projection, body)
  SELECT g.project, g.session, $1, g.body FROM ${givenSql("$2")}
  JOIN hf.session s ON s.project = g.project AND s.session = g.session
  WHERE g.body IS NOT NULL AND (NOT s.hidden OR EXISTS (
    SELECT FROM hf.log l WHERE l.project = s.project AND l.session = s.session AND l.committed > 0))
  ON CONFLICT (project, session, projection) DO UPDATE SET body = excluded.body`;
