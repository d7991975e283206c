import type { Client } from "./client.ts";

/**
 * Gives the changes that were committed their place in the feed, and tells the feed's last seq. One transaction at a time
 * does so and takes what it sees: what commits later gets a later place, however long it was under way, so the feed has no
 * gaps and skips nothing. A session's ids are taken under its lock, so that they are in the order of its commits; whoever
 * sees one sees those before it.
 */
export async function numberChanges(client: Client): Promise<number> {
  let [feed] = await client.query<Feed>(feedSql);
  while (feed!.isWaiting) [feed] = await client.script<Feed>(numberSql);
  return feed!.position;
}

interface Feed {
  readonly position: number;
  readonly isWaiting: boolean;
}

// A replica, and a user who may only read, show what others have numbered.
const feedSql = `
  SELECT coalesce((SELECT max(seq) FROM hf.change), 0) AS position,
    EXISTS (SELECT FROM hf.unnumbered) AND current_setting('transaction_read_only') = 'off'
      AND has_table_privilege('hf.unnumbered', 'DELETE') AND has_table_privilege('hf.change', 'INSERT') AS "isWaiting"`;
// All statements go in one message, so that the lock is never held while the server waits for this process. The lock is a
// statement of its own, so that the next one sees what its last holder has committed. A place that was told to anyone must
// outlive a crash, whatever the server's default is. An import may leave millions: nobody waits for all of them at once.
const numberSql = `
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
  SELECT pg_advisory_xact_lock(hashtextextended('holdfast.feed.hf.', 0));
  WITH committed AS (
    DELETE FROM hf.unnumbered WHERE id IN (SELECT id FROM hf.unnumbered ORDER BY id LIMIT 10000) RETURNING *)
  INSERT INTO hf.change (seq, at_ms, kind, project, session, log, first_seq, last_seq, subject)
  SELECT (SELECT coalesce(max(seq), 0) FROM hf.change) + row_number() OVER (ORDER BY id),
    at_ms, kind, project, session, log, first_seq, last_seq, subject
  FROM committed;
  ${feedSql}`;
