import type { Client } from "./client.ts";

/**
 * Gives the changes that were committed their place in the feed, and tells the feed's last seq. A session's ids are taken
 * under its lock, so that they are in the order of its commits; whoever sees one sees those before it.
 */
export async function numberChanges(client: Client): Promise<number> {
  for (;;) {
    let [feed] = await client.query<Feed>(numberSql, most);
    if (feed!.position === null) [feed] = await client.script<Feed>(strictSql);
    if (!feed!.waiting) return feed!.position!;
  }
}

interface Feed {
  readonly position: number | null;
  readonly waiting: boolean;
}

// An import may leave millions, and nobody waits for all of them at once.
const most = 10_000;
const numberSql = "SELECT feed_end AS position, waiting FROM hf.number_changes($1)";
const strictSql = `
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  SELECT feed_end AS position, waiting FROM hf.number_changes(${most})`;
