import postgres from "postgres";
import { afterAll, inject } from "vitest";

/** Gives URLs of new, empty schemas on the run's server, and removes them after the file's last test. */
export function testSchemas(): { readonly next: () => string } {
  const base = inject("postgresUrl");
  const prefix = `t${process.pid}_${Math.random().toString(36).slice(2, 8)}`;
  const made: string[] = [];
  afterAll(async () => {
    const sql = postgres(base, { max: 1, onnotice: () => {} });
    for (const schema of made) await sql.unsafe(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
    await sql.end();
  });
  const next = (): string => {
    const schema = `${prefix}_${made.length}`;
    made.push(schema);
    return `${base}${base.includes("?") ? "&" : "?"}schema=${schema}`;
  };
  return { next };
}
