import { HoldfastError } from "../../core/errors.ts";
import type { Query } from "./client.ts";
import type { Place } from "./place.ts";

/** The schema this program writes: the number of files in migrations/. */
export const latestSchema = 1;

/** The version of the store's schema; 0 where there is none. */
export async function schemaOf(query: Query, place: Place): Promise<number> {
  const [found] = await query<{ known: boolean }>(knownSql, place.schema);
  if (found?.known !== true) return 0;
  const [row] = await query<{ id: number }>("SELECT coalesce(max(id), 0) AS id FROM hf.migration");
  return row!.id;
}

/** Refuses an old server, another program's schema, and a later Holdfast's, before anything is changed. */
export async function checkSchema(query: Query, place: Place): Promise<number> {
  await checkServer(query, place);
  const schema = await schemaOf(query, place);
  if (schema === 0) await checkFree(query, place);
  if (schema > latestSchema) await checkCompatible(query, place, schema);
  return schema;
}

/** Refuses a server that nobody maintains any more. @throws store_unreachable */
export async function checkServer(query: Query, place: Place): Promise<void> {
  const [row] = await query<{ number: number; name: string }>(versionSql);
  if (row!.number >= oldestServer) return;
  throw new HoldfastError({
    code: "store_unreachable",
    message: `The server is PostgreSQL ${row!.name}, and Holdfast needs 14 or later: ${place.url}.`,
    next: "Update the server, or name another; nothing was changed.",
    data: { url: place.url, version: row!.name },
  });
}

async function checkFree(query: Query, place: Place): Promise<void> {
  const [row] = await query<{ tables: number }>(tablesSql, place.schema);
  // Between the two statements another process may have made the store.
  if (row!.tables === 0 || (await schemaOf(query, place)) > 0) return;
  throw new HoldfastError({
    code: "store_foreign",
    message: `The schema ${place.schema} holds another program's tables: ${place.url}.`,
    next: "Name another schema, as in postgres://…/DATABASE?schema=holdfast; the database was left as it is.",
    data: { url: place.url, schema: place.schema },
  });
}

// A rollout updates the schema while programs of the last version still open it.
async function checkCompatible(query: Query, place: Place, schema: number): Promise<void> {
  const [row] = await query<{ oldest: number }>(oldestSql, latestSchema);
  if (row!.oldest <= latestSchema) return;
  throw new HoldfastError({
    code: "store_too_new",
    message: `The store has schema ${schema}, and this Holdfast knows ${latestSchema}: ${place.url}.`,
    next: "Update Holdfast; the database was left as it is.",
    data: { schema, latest: latestSchema },
  });
}

const oldestServer = 140_000;
const versionSql = `
  SELECT current_setting('server_version_num')::integer AS number, current_setting('server_version') AS name`;
const knownSql = `
  SELECT EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'migration')
    AND EXISTS (SELECT FROM pg_catalog.pg_tables WHERE schemaname = $1 AND tablename = 'lane') AS known`;
const tablesSql = "SELECT count(*) AS tables FROM pg_catalog.pg_tables WHERE schemaname = $1";
const oldestSql = "SELECT max(oldest) AS oldest FROM hf.migration WHERE id > $1";
