import type { Client } from "./client.ts";

/**
 * Gives the changes that were committed their place in the feed, and tells the feed's last seq. One transaction at a time
 * does so and takes all that it sees: what commits later gets a later place, however long it was under way, so the feed
 * has no gaps and skips nothing. Changes of one session are seen together with all that was committed before them.
 */
export async function numberChanges(client: Client): Promise<number> {
  const { position, isWaiting } = await feed(client);
  if (!isWaiting) return position;
  await client.script(numberSql);
  return (await feed(client)).position;
}

interface Feed {
  readonly position: number;
  readonly isWaiting: boolean;
}

async function feed(client: Client): Promise<Feed> {
  const [row] = await client.query<Feed>(feedSql);
  return row!;
}

// A replica shows what the primary has numbered.
const feedSql = `
  SELECT coalesce((SELECT max(seq) FROM hf.change), 0) AS position,
    EXISTS (SELECT FROM hf.unnumbered) AND NOT pg_is_in_recovery() AS "isWaiting"`;
// The lock is a statement of its own, so that the next one sees what its last holder has committed. A place that was told
// to anyone must outlive a crash, whatever the server's default is.
const numberSql = `
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  SET LOCAL synchronous_commit = on;
  SELECT pg_advisory_xact_lock(hashtextextended('holdfast.feed.hf.', 0));
  WITH committed AS (DELETE FROM hf.unnumbered RETURNING *)
  INSERT INTO hf.change (seq, at_ms, kind, project, session, log, first_seq, last_seq, subject)
  SELECT (SELECT coalesce(max(seq), 0) FROM hf.change) + row_number() OVER (ORDER BY id),
    at_ms, kind, project, session, log, first_seq, last_seq, subject
  FROM committed`;
