import type { ProjectionRow } from "../../core/projection.ts";
import type { Connection } from "./connection.ts";

/** Where the projections stand, by name. */
export function projections(connection: Connection): ProjectionRow[] {
  return connection.all<StoredRow>(`${projectionSql} ORDER BY name`).map(toProjection);
}

/** The projection, if it has a row. */
export function findProjection(connection: Connection, name: string): ProjectionRow | undefined {
  const row = connection.get<StoredRow>(`${projectionSql} WHERE name = ?`, name);
  return row && toProjection(row);
}

/** Writes a projection's row, made where there is none. */
export function saveProjection(connection: Connection, row: ProjectionRow): ProjectionRow {
  const { name, position, paused, error, updatedAtMs } = row;
  connection.run(saveSql, name, position, paused ? 1 : 0, error ?? null, updatedAtMs);
  return row;
}

type StoredRow = Omit<ProjectionRow, "paused" | "error"> & {
  readonly paused: number;
  readonly error: string | null;
};

function toProjection({ paused, error, ...row }: StoredRow): ProjectionRow {
  return { ...row, paused: paused === 1, ...(error === null ? {} : { error }) };
}

const projectionSql = "SELECT name, position, paused, error, updated_at_ms AS updatedAtMs FROM projection";
const saveSql = `
  INSERT OR REPLACE INTO projection (name, position, paused, error, updated_at_ms) VALUES (?, ?, ?, ?, ?)`;
