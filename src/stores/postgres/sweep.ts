import { type SweepParams, type SweepResult, sweepResult } from "../../core/sweep.ts";
import { freeBlobs } from "./blobs.ts";
import type { Query } from "./client.ts";
import { nowSql, type Writer } from "./in-session.ts";
import { ownJson } from "./own-values.ts";

/** Removes what nothing refers to any more, or only tells it. */
export function sweep({ client, now }: Writer, params: SweepParams): Promise<SweepResult> {
  return client.transaction(async (query) => {
    if (params.dryRun !== true) return remove(query, params, now());
    // The same statements tell what they would do: none of it can be counted otherwise than it is removed.
    await query("SAVEPOINT dry_run");
    const told = await remove(query, params, now());
    await query("ROLLBACK TO dry_run");
    return told;
  });
}

async function remove(
  query: Query,
  { minAgeMs, projections }: SweepParams,
  now: number | null,
): Promise<SweepResult> {
  // Under its lock no session of them can begin.
  await query(lockSql, now, minAgeMs);
  const holds = await query(holdsSql, now, minAgeMs);
  const orphans = await query<{ id: string }>(orphansSql);
  const blob = await freeBlobs(
    query,
    orphans.map(({ id }) => id),
  );
  const known = projections === undefined ? null : ownJson(projections);
  return sweepResult({
    blob_hold: holds.count,
    blob,
    projection: known === null ? 0 : (await query(projectionsSql, known)).count,
    document: (await query(documentsSql)).count,
  });
}

// An input may name a blob before its session has a row.
const looseSql = `
  r.at_ms <= ${nowSql("$1")} - $2::bigint
    AND NOT EXISTS (SELECT FROM hf.session s WHERE s.project = r.project AND s.session = r.session)
    AND NOT EXISTS (SELECT FROM hf.input i WHERE i.project = r.project AND i.session = r.session)`;
const lockSql = `
  SELECT FROM hf.lane WHERE (project, session) IN (SELECT project, session FROM hf.blob_ref r WHERE ${looseSql})
  ORDER BY project, session FOR UPDATE`;
const holdsSql = `DELETE FROM hf.blob_ref r WHERE ${looseSql}`;
const orphansSql =
  "SELECT id FROM hf.blob b WHERE NOT EXISTS (SELECT FROM hf.blob_ref r WHERE r.blob_id = b.id)";
const projectionsSql =
  "DELETE FROM hf.projection WHERE name NOT IN (SELECT jsonb_array_elements_text($1::text::jsonb))";
const documentsSql = `
  DELETE FROM hf.document d WHERE NOT EXISTS (SELECT FROM hf.projection p WHERE p.name = d.projection)
    OR NOT EXISTS (SELECT FROM hf.session s WHERE s.project = d.project AND s.session = d.session)`;
