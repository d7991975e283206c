import { readdirSync, readFileSync } from "node:fs";
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import type { MigrateResult } from "../../core/store.ts";
import type { Client, Query } from "./client.ts";
import { sha256 } from "./hash.ts";
import type { Place } from "./place.ts";
import { schemaOf } from "./schema.ts";

/** One numbered file of migrations/. */
export interface Migration {
  readonly id: number;
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
  /** The oldest schema whose programs go on working after it: its own, unless its file says `-- oldest: N`. */
  readonly oldest: number;
}

/** Reads the numbered migrations of a folder. */
export function readMigrations(folder: URL = new URL("./migrations/", import.meta.url)): Migration[] {
  const names = readdirSync(folder).filter((name) => /^\d{4}-.*\.sql$/.test(name));
  return names.toSorted().map((name) => {
    const sql = readFileSync(new URL(name, folder), "utf8");
    const id = Number(name.slice(0, 4));
    const oldest = /^-- oldest: (\d+)$/m.exec(sql)?.[1];
    return { id, name, sql, checksum: sha256(sql), oldest: oldest === undefined ? id : Number(oldest) };
  });
}

/** Brings the schema to the newest version, one transaction a migration; many processes may do it at once. */
export async function migrate(
  client: Client,
  place: Place,
  migrations: readonly Migration[],
): Promise<MigrateResult> {
  const from = await schemaOf(client.query, place);
  await checkChecksums(client.query, migrations, from);
  for (const migration of migrations.slice(from))
    await apply(client, place, migration).catch((error: unknown) => {
      throw isHoldfastError(error) ? error : failed(migration, error);
    });
  return { from, to: Math.max(from, migrations.length) };
}

async function checkChecksums(query: Query, migrations: readonly Migration[], from: number): Promise<void> {
  if (from === 0) return;
  for (const { id, checksum } of await query<{ id: number; checksum: string }>(checksumsSql)) {
    const known = migrations[id - 1];
    if (known === undefined || known.checksum === checksum) continue;
    throw new HoldfastError({
      code: "migration_failed",
      message: `Migration ${id} in the database is not the one that this program knows.`,
      next: "Use the version of Holdfast that made the schema.",
      data: { id },
    });
  }
}

async function apply(client: Client, place: Place, migration: Migration): Promise<void> {
  const { id, name, sql, checksum, oldest } = migration;
  await client.transaction(async (query) => {
    await query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", `holdfast.migrate.${place.schema}`);
    // Another process may have done it while this one waited for the lock.
    if ((await schemaOf(query, place)) >= id) return;
    if (id === 1) await createSchema(query, place);
    // Without values the server takes all statements of the file at once.
    await query(sql);
    await query(appliedSql, id, name, checksum, oldest);
  });
}

function failed({ id, name }: Migration, cause: unknown): HoldfastError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HoldfastError({
    code: "migration_failed",
    message: `Migration ${name} failed: ${reason}.`,
    next: "The database was left as it was; report this.",
    data: { id },
    cause,
  });
}

// IF NOT EXISTS asks for the right to make schemas also where there is one.
async function createSchema(query: Query, { schema }: Place): Promise<void> {
  const { count } = await query("SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1", schema);
  if (count === 0) await query(`CREATE SCHEMA "${schema}"`);
}

const checksumsSql = "SELECT id, checksum FROM hf.migration";
const appliedSql = `
  INSERT INTO hf.migration (id, name, checksum, oldest, at_ms)
  VALUES ($1, $2, $3, $4, floor(extract(epoch FROM clock_timestamp()) * 1000))`;
