import postgres from "postgres";
import { inject } from "vitest";
import type { Store } from "../../src/core/store.ts";

/** Each row of each table of a store on the run's server, but for how often its sessions were locked. */
export async function rowsOfStore(store: Store): Promise<Record<string, unknown[]>> {
  // What is committed gets its place in the feed when somebody looks.
  await store.changes({ after: 0, limit: 1 });
  const schema = new URL(store.url).searchParams.get("schema")!;
  const sql = postgres(inject("postgresUrl"), { max: 1, onnotice: () => {} });
  try {
    const tables = await sql<{ name: string }[]>`
      SELECT tablename AS name FROM pg_tables WHERE schemaname = ${schema} ORDER BY 1`;
    const rows: Record<string, unknown[]> = {};
    for (const { name } of tables) {
      const found = await sql.unsafe(
        `SELECT (to_jsonb(t) - 'version')::text AS row FROM "${schema}"."${name}" t ORDER BY 1`,
      );
      rows[name] = found.map(({ row }) => row as string);
    }
    return rows;
  } finally {
    await sql.end();
  }
}
