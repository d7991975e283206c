import type { SessionKey } from "../../core/ids.ts";
import type { Tombstone } from "../../core/store.ts";
import type { Query } from "./client.ts";

/** What is left of a dropped session, if it was dropped. */
export async function findTombstone(
  query: Query,
  { project, session }: SessionKey,
): Promise<Tombstone | undefined> {
  return (await query<Tombstone>(tombstoneSql, project, session))[0];
}

/** What a query of tombstones gives. */
export const tombstoneColumns = `project, session, dropped_at_ms AS "droppedAtMs", actor, reason, sealed`;

const tombstoneSql = `SELECT ${tombstoneColumns} FROM hf.tombstone WHERE project = $1 AND session = $2`;
