import { type SweepParams, type SweepResult, sweepResult } from "../../core/sweep.ts";
import type { Connection } from "./connection.ts";

/** Removes what nothing refers to any more, or only tells it. */
export function sweep(connection: Connection, params: SweepParams, now: number): SweepResult {
  if (params.dryRun !== true) return remove(connection, params, now);
  // The same statements tell what they would do: none of it can be counted otherwise than it is removed.
  connection.run("SAVEPOINT dry_run");
  try {
    return remove(connection, params, now);
  } finally {
    connection.exec("ROLLBACK TO dry_run; RELEASE dry_run");
  }
}

function remove(connection: Connection, { minAgeMs, projections }: SweepParams, now: number): SweepResult {
  const known = projections === undefined ? null : JSON.stringify(projections);
  return sweepResult({
    blob_hold: connection.run(holdsSql, now - minAgeMs),
    blob: connection.run(blobsSql),
    projection: known === null ? 0 : connection.run(projectionsSql, known),
    document: connection.run(documentsSql),
  });
}

// An input may name a blob before its session has a row.
const holdsSql = `
  DELETE FROM blob_ref WHERE at_ms <= ?
    AND NOT EXISTS (SELECT 1 FROM session s WHERE s.project = blob_ref.project AND s.session = blob_ref.session)
    AND NOT EXISTS (SELECT 1 FROM input i WHERE i.project = blob_ref.project AND i.session = blob_ref.session)`;
const blobsSql = "DELETE FROM blob WHERE NOT EXISTS (SELECT 1 FROM blob_ref WHERE blob_id = blob.id)";
const projectionsSql = "DELETE FROM projection WHERE name NOT IN (SELECT value FROM json_each(?))";
const documentsSql = `
  DELETE FROM document WHERE NOT EXISTS (SELECT 1 FROM projection p WHERE p.name = document.projection)
    OR NOT EXISTS (SELECT 1 FROM session s WHERE s.project = document.project AND s.session = document.session)`;
