import postgres from "postgres";
import { afterAll } from "vitest";
import { testSchemas } from "./schemas.ts";

/** Gives the URL of one schema again and again, emptied: making its tables anew would cost a test most of its time. */
export function oneSchema(): { readonly url: string; readonly emptied: () => Promise<string> } {
  const url = testSchemas().next();
  const schema = new URL(url).searchParams.get("schema")!;
  const sql = postgres(url.slice(0, url.lastIndexOf("schema=") - 1), { max: 1, onnotice: () => {} });
  afterAll(() => sql.end());
  let statements = "";
  const emptied = async (): Promise<string> => {
    if (statements === "") statements = await deletesOf(sql, schema);
    await sql.unsafe(statements);
    return url;
  };
  return { url, emptied };
}

// Blobs last, because others refer to them; and ids begin anew.
async function deletesOf(sql: postgres.Sql, schema: string): Promise<string> {
  const tables = await sql<{ name: string }[]>`
    SELECT tablename AS name FROM pg_tables WHERE schemaname = ${schema} AND tablename <> 'migration'
    ORDER BY tablename = 'blob'`;
  const sequences = await sql<{ name: string }[]>`
    SELECT sequencename AS name FROM pg_sequences WHERE schemaname = ${schema}`;
  return [
    ...tables.map(({ name }) => `DELETE FROM "${schema}"."${name}"`),
    ...sequences.map(({ name }) => `SELECT setval('"${schema}"."${name}"', 1, false)`),
  ].join(";");
}
