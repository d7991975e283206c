import postgres from "postgres";
import { inject } from "vitest";
import type { Store } from "../../src/core/store.ts";

/** Each row of each table of a store on the run's server. */
export function rowsOfStore(store: Store): Promise<Record<string, readonly string[]>> {
  return rowsAt(`${inject("postgresUrl")}?schema=${schemaOf(store.url)}`);
}

/**
 * Each row of each table, but for what changes without a change: how often a session was locked, and whether what was
 * committed has got its place in the feed yet.
 */
export async function rowsAt(url: string): Promise<Record<string, readonly string[]>> {
  const schema = schemaOf(url);
  const sql = postgres(url.slice(0, url.indexOf("?")), { max: 1, onnotice: () => {} });
  try {
    const tables = await sql<{ name: string }[]>`
      SELECT tablename AS name FROM pg_tables WHERE schemaname = ${schema} ORDER BY 1`;
    const all = tables.map(
      ({ name }) =>
        `SELECT '${name}' AS name, (to_jsonb(t) - 'version')::text AS row FROM "${schema}"."${name}" t`,
    );
    const rows = await sql.unsafe<{ name: string; row: string }[]>(
      `${all.join(" UNION ALL ")} ORDER BY 1, 2`,
    );
    const byTable: Record<string, string[]> = {};
    for (const { name, row } of rows) {
      const isFeed = name === "change" || name === "unnumbered";
      (byTable[isFeed ? "feed" : name] ??= []).push(isFeed ? withoutPlace(row) : row);
    }
    byTable["feed"]?.sort();
    return byTable;
  } finally {
    await sql.end();
  }
}

function schemaOf(url: string): string {
  return new URL(url).searchParams.get("schema")!;
}

function withoutPlace(row: string): string {
  const { seq: _seq, id: _id, ...rest } = JSON.parse(row) as Record<string, unknown>;
  return JSON.stringify(rest);
}
