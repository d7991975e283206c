import type { LockedSession } from "./in-session.ts";

/** Removes a session's inputs, runs, usage and documents, ends its lease for good, and says whether there was anything. */
export async function dropWork({ query, key, lane }: LockedSession): Promise<boolean> {
  const [row] = await query<{ removed: boolean }>(workSql, key.project, key.session);
  return row!.removed || lane.owner !== null;
}

const ofSession = "WHERE project = $1 AND session = $2";
const workSql = `
  WITH input AS (DELETE FROM hf.input ${ofSession} RETURNING id),
  run AS (DELETE FROM hf.run ${ofSession} RETURNING id),
  usage AS (DELETE FROM hf.usage ${ofSession} RETURNING key),
  document AS (DELETE FROM hf.document ${ofSession} RETURNING projection),
  lane AS (
    UPDATE hf.lane SET epoch = CASE epoch WHEN 0 THEN 0 ELSE epoch + 1 END, owner = NULL, since_ms = 0, until_ms = 0,
      open_run = NULL, running = false, next_input = NULL, next_priority = NULL
    ${ofSession}
  )
  SELECT EXISTS (SELECT FROM input) OR EXISTS (SELECT FROM run) OR EXISTS (SELECT FROM usage)
    OR EXISTS (SELECT FROM document) AS removed`;
