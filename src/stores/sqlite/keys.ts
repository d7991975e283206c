import { checkLimit } from "../../core/checks.ts";
import type { KeysParams } from "../../core/holdings.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Connection } from "./connection.ts";
import { limited } from "./where.ts";

/** The sessions of which anything is held, by name. */
export function keys(connection: Connection, { project, after, limit = 100 }: KeysParams): SessionKey[] {
  checkLimit(limit, 1000);
  const start = [after?.project ?? project ?? "", after?.session ?? ""];
  const each = [...start, project ?? null, project ?? null, limit];
  const rows = connection.all<SessionKey>(keysSql, ...tables.flatMap(() => each), limit);
  return rows.map(({ project: own, session }) => ({ project: own, session }));
}

// Inputs and runs have a lane.
const tables = ["session", "tombstone", "lane", "usage", "blob_ref", "audit"] as const;

// Each table gives its own first names by an index, so that a page costs the same in a long list.
const keysSql = `
  SELECT project, session FROM (${tables.map((table) => `SELECT * FROM (${firstSql(table)})`).join(" UNION ")})
  ORDER BY project, session ${limited}`;

function firstSql(table: string): string {
  return `
    SELECT DISTINCT project, session FROM ${table} WHERE (project, session) > (?, ?) AND (? IS NULL OR project = ?)
    ORDER BY project, session ${limited}`;
}
