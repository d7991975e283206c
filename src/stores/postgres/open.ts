import postgres from "postgres";
import type { Clock } from "../../core/clock.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { Store } from "../../core/store.ts";
import type { Client } from "./client.ts";
import { migrate, readMigrations } from "./migrate.ts";
import { Place } from "./place.ts";
import { type Pool, PoolClient, serverOf } from "./pool-client.ts";
import { PostgresClient } from "./postgres-client.ts";
import { checkSchema, latestSchema } from "./schema.ts";
import { PostgresStore } from "./store.ts";
import { type Address, invalidUrl, readUrl, shownUrl } from "./url.ts";

/** How to open a store in a PostgreSQL database: by one of `url`, `sql` and `pool`. */
export type PostgresStoreOptions = CommonOptions & (UrlOptions | SqlOptions | PoolOptions);

interface CommonOptions {
  /** Default `holdfast`. */
  readonly schema?: string | undefined;
  /** Make the schema where there is none; default true. */
  readonly create?: boolean;
  /** For tests; default is the server's own clock, which all machines share. */
  readonly clock?: Clock | undefined;
  /** How often watchers look for commits whose notification was lost; default 1,000. */
  readonly pollMs?: number;
}

interface UrlOptions {
  /** `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; `?schema=NAME` names the schema, `?sslmode=` how TLS is used. */
  readonly url: string;
  /** How many connections at most; default 10. */
  readonly connections?: number;
  /** More options of the `postgres` package, such as `ssl`. */
  readonly postgres?: postgres.Options<Record<string, postgres.PostgresType>>;
}

interface SqlOptions {
  /** An instance of the `postgres` package; the store opens connections of its own with its options. */
  readonly sql: postgres.Sql;
}

interface PoolOptions {
  /** A pool of the `pg` package; closing the store leaves it open. A store that is watched keeps one of its clients. */
  readonly pool: Pool;
}

/** Opens a store in a PostgreSQL database. @throws store_unreachable, store_foreign, store_too_new, migration_failed */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { create = true, clock, pollMs = 1000 } = options;
  const { client, place } = connect(options);
  try {
    await prepare(client, place, create);
    return new PostgresStore({ client, place, now: () => clock?.now() ?? null, pollMs });
  } catch (error) {
    await client.close();
    throw explained(error);
  }
}

// What the library does not know of a URL, it gives to the server as a setting.
function explained(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  if (error.code !== "42704" && error.code !== "22023") return error;
  return new HoldfastError({
    code: "store_url_invalid",
    message: `The server does not take what the store URL asks for: ${error.message}.`,
    next: "Correct it in the URL, or take it out.",
  });
}

interface Connected {
  readonly client: Client;
  readonly place: Place;
}

function connect(options: PostgresStoreOptions): Connected {
  if ("pool" in options) {
    const { pool, schema } = options;
    const place = new Place({ url: shownUrl(serverOf(pool), schema), schema });
    return { client: new PoolClient({ pool, place }), place };
  }
  if ("sql" in options) {
    const { sql, schema } = options;
    checkInstance(sql);
    const place = new Place({ url: shownUrl(sql.options, schema), schema });
    return { client: new PostgresClient({ options: sql.options, place }), place };
  }
  const { url, schema: named, ...address } = readUrl(options.url);
  const schema = options.schema ?? named;
  const sql = opened(url, address, options);
  const place = new Place({ url: shownUrl(sql.options, schema), schema });
  return { client: new PostgresClient({ options: sql.options, place }), place };
}

function opened(
  url: string,
  address: Omit<Address, "schema">,
  { connections = 10, postgres: more }: UrlOptions,
): postgres.Sql {
  try {
    return postgres(url, {
      // The store names no array types.
      fetch_types: false,
      onnotice: () => {},
      ...more,
      ...address,
      max: connections,
      connection: { application_name: "holdfast", ...more?.connection },
    });
  } catch {
    // The library's own error holds the whole URL.
    throw invalidUrl();
  }
}

// Rows that come under other names, or as other values, than the statements say.
function checkInstance({ options: { transform } }: postgres.Sql): void {
  if ([transform.column, transform.value, transform.row].every(({ from }) => from === undefined)) return;
  throw new HoldfastError({
    code: "usage",
    message: "The instance of postgres has a transform for what it reads.",
    next: "Give the store an instance without one.",
  });
}

async function prepare(client: Client, place: Place, create: boolean): Promise<void> {
  const schema = await checkSchema(client.query, place);
  if (schema === 0 && !create)
    throw new HoldfastError({
      code: "store_unreachable",
      message: `There is no store at ${place.url}.`,
      next: "Make one with `holdfast import`, or name another with --store.",
      data: { url: place.url, cause: "no_store" },
    });
  if (schema < latestSchema) await migrate(client, place, readMigrations());
}
