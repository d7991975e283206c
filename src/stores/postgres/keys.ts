import { checkLimit } from "../../core/checks.ts";
import type { KeysParams } from "../../core/holdings.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Query } from "./client.ts";

/** The sessions of which anything is held, by name. */
export async function keys(
  query: Query,
  { project, after, limit = 100 }: KeysParams,
): Promise<readonly SessionKey[]> {
  checkLimit(limit, 1000);
  const start = [after?.project ?? project ?? "", after?.session ?? ""];
  return [...(await query<SessionKey>(keysSql, ...start, project ?? null, limit))];
}

// Runs have an input. A lane alone says nothing: it was locked once.
const holders = [
  ["session"],
  ["tombstone"],
  ["lane", "epoch > 0"],
  ["input"],
  ["usage"],
  ["blob_ref"],
  ["audit"],
] as const;

// Each table gives its own first names by an index, so that a page costs the same in a long list.
const keysSql = `
  SELECT project, session FROM (${holders.map(([table, which]) => `(${firstSql(table, which)})`).join(" UNION ")}) k
  ORDER BY project, session LIMIT $4`;

function firstSql(table: string, which = "true"): string {
  return `
    SELECT DISTINCT project, session FROM hf.${table}
    WHERE (project, session) > ($1, $2) AND ($3::text IS NULL OR project = $3) AND ${which}
    ORDER BY project, session LIMIT $4`;
}
