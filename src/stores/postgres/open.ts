import postgres from "postgres";
import type { Clock } from "../../core/clock.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { Store } from "../../core/store.ts";
import type { Client } from "./client.ts";
import { migrate, readMigrations } from "./migrate.ts";
import { Place } from "./place.ts";
import { PostgresClient } from "./postgres-client.ts";
import { checkSchema, latestSchema } from "./schema.ts";
import { PostgresStore } from "./store.ts";

/** How to open a store in a PostgreSQL database. */
export interface PostgresStoreOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; `?schema=NAME` names the schema. */
  readonly url: string;
  /** Default `holdfast`. */
  readonly schema?: string | undefined;
  /** Make the schema where there is none; default true. */
  readonly create?: boolean;
  /** For tests; default is the server's own clock, which all machines share. */
  readonly clock?: Clock | undefined;
  /** How many connections at most; default 10. */
  readonly connections?: number;
  /** How often watchers look for commits whose notification was lost; default 1,000. */
  readonly pollMs?: number;
}

/** Opens a store in a PostgreSQL database. @throws store_unreachable, store_foreign, store_too_new, migration_failed */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { connections = 10, create = true, clock, pollMs = 1000 } = options;
  const { url, schema, shown } = parsed(options.url);
  const place = new Place({ url: shown, schema: options.schema ?? schema });
  const sql = postgres(url, {
    max: connections,
    onnotice: () => {},
    connection: { application_name: "holdfast" },
  });
  const client = new PostgresClient({ sql, place, isOwn: true });
  try {
    await prepare(client, place, create);
    return new PostgresStore({ client, place, now: () => clock?.now() ?? null, pollMs });
  } catch (error) {
    await client.close();
    throw error;
  }
}

async function prepare(client: Client, place: Place, create: boolean): Promise<void> {
  const schema = await checkSchema(client.query, place);
  if (schema === 0 && !create)
    throw new HoldfastError({
      code: "store_unreachable",
      message: `There is no store at ${place.url}.`,
      next: "Make one with `holdfast import`, or name another with --store.",
      data: { url: place.url },
    });
  if (schema < latestSchema) await migrate(client, place, readMigrations());
}

function parsed(given: string): { readonly url: string; readonly schema?: string; readonly shown: string } {
  const url = URL.parse(given);
  if (url === null)
    throw new HoldfastError({
      code: "store_url_invalid",
      message: "The store URL is no PostgreSQL URL.",
      next: "Use postgres://USER:PASSWORD@HOST:PORT/DATABASE.",
    });
  const schema = url.searchParams.get("schema") ?? undefined;
  url.searchParams.delete("schema");
  const shown = `postgres://${url.host}${url.pathname}${schema === undefined ? "" : `?schema=${schema}`}`;
  return { url: url.href, shown, ...(schema === undefined ? {} : { schema }) };
}
