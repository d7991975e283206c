import { type ChangeRow, changesOf } from "../../core/change-row.ts";
import { checkAfter, checkLimit } from "../../core/checks.ts";
import type { ChangesParams, ChangesResult } from "../../core/store.ts";
import type { Client } from "./client.ts";
import { numberChanges } from "./number-changes.ts";

/** A page of the change feed. */
export async function changes(client: Client, { after, limit = 100 }: ChangesParams): Promise<ChangesResult> {
  checkLimit(limit, 1000);
  const isPosition = Number.isSafeInteger(after) && after >= 0;
  let rows = isPosition ? await client.query<ChangeRow>(changesSql, after, limit) : [];
  let position = rows[0]?.position ?? 0;
  // Who is far behind reads what has its place already.
  if (rows.length < limit) {
    position = await numberChanges(client);
    checkAfter(after, position, "the change feed");
    if (position > after + rows.length) rows = await client.query<ChangeRow>(changesSql, after, limit);
  }
  // Another process may have numbered more since: the page tells the position of its own moment.
  return { changes: changesOf(rows, after), position: rows[0]?.position ?? position };
}

// What is committed and has no place yet stands behind what has one: a full page's position counts it.
const changesSql = `
  SELECT seq, at_ms AS "atMs", kind, project, session, log, first_seq AS first, last_seq AS last, subject AS of,
    (SELECT max(seq) FROM hf.change) + (SELECT count(*) FROM hf.unnumbered) AS position
  FROM hf.change WHERE seq > $1 ORDER BY seq LIMIT $2`;
