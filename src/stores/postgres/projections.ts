import type { ProjectionRow } from "../../core/projection.ts";
import type { Query } from "./client.ts";
import { nowSql } from "./in-session.ts";

/** Where the projections stand, by name. */
export async function projections(query: Query): Promise<readonly ProjectionRow[]> {
  const rows = await query<StoredRow>(`SELECT ${projectionColumns} FROM hf.projection ORDER BY name`);
  return rows.map(toProjection);
}

/** The projection under the lock of its row, which is made where there is none; in a transaction that may be undone. */
export async function lockProjection(
  query: Query,
  name: string,
  now: number | null,
): Promise<{ readonly row: ProjectionRow; readonly now: number }> {
  const [row] = await query<StoredRow & { readonly now: number }>(lockSql, name, now);
  const { now: nowMs, ...stored } = row!;
  return { row: toProjection(stored), now: nowMs };
}

/** Writes a projection's row. */
export async function saveProjection(query: Query, row: ProjectionRow): Promise<ProjectionRow> {
  const { name, position, paused, error, updatedAtMs } = row;
  await query(saveSql, name, position, paused, error ?? null, updatedAtMs);
  return row;
}

type StoredRow = Omit<ProjectionRow, "error"> & { readonly error: string | null };

function toProjection({ error, ...row }: StoredRow): ProjectionRow {
  return { ...row, ...(error === null ? {} : { error }) };
}

const projectionColumns = `name, position, paused, error, updated_at_ms AS "updatedAtMs"`;
const lockSql = `
  INSERT INTO hf.projection AS p (name, position, updated_at_ms) VALUES ($1, 0, ${nowSql("$2")})
  ON CONFLICT (name) DO UPDATE SET position = p.position
  RETURNING ${projectionColumns}, ${nowSql("$2")} AS now`;
const saveSql = `
  UPDATE hf.projection SET position = $2, paused = $3, error = $4, updated_at_ms = $5 WHERE name = $1`;
