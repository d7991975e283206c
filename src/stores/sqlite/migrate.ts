import { chmodSync, closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { HoldfastError } from "../../core/errors.ts";
import type { MigrateResult } from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { sha256 } from "./hash.ts";
import { applicationId, schemaOf } from "./schema.ts";

/** One numbered file of migrations/. */
export interface Migration {
  readonly id: number;
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/** Reads the numbered migrations of a folder. */
export function readMigrations(folder: URL = new URL("./migrations/", import.meta.url)): Migration[] {
  const names = readdirSync(folder).filter((name) => /^\d{4}-.*\.sql$/.test(name));
  return names.toSorted().map((name) => {
    const sql = readFileSync(new URL(name, folder), "utf8");
    return {
      id: Number(name.slice(0, 4)),
      name,
      sql,
      checksum: sha256(sql),
    };
  });
}

/** Brings the file to the newest schema: a backup first, then one transaction a migration. */
export function migrate(
  connection: Connection,
  migrations: readonly Migration[],
  now: number,
): MigrateResult {
  const from = schemaOf(connection);
  const to = migrations.length;
  checkChecksums(connection, migrations, from);
  if (from >= to) return { from, to: from };
  const backup = from === 0 ? undefined : takeBackup(connection, from, now);
  for (const migration of migrations.slice(from)) apply(connection, migration, now);
  return { from, to, ...(backup === undefined ? {} : { backup }) };
}

function checkChecksums(connection: Connection, migrations: readonly Migration[], from: number): void {
  if (from === 0) return;
  for (const { id, checksum } of connection.all<{ id: number; checksum: string }>(
    "SELECT id, checksum FROM migration",
  )) {
    if (migrations[id - 1]?.checksum === checksum) continue;
    throw failed(
      `Migration ${id} in the file is not the one that this program knows`,
      "Use the version of Holdfast that made the file.",
    );
  }
}

function takeBackup(connection: Connection, from: number, now: number): string {
  const stamp = new Date(now).toISOString().replaceAll(/[^0-9]/g, "");
  const path = `${connection.path}.schema-${from}-${stamp}-${process.pid}.backup`;
  closeSync(openSync(path, "wx", 0o600));
  connection.run("VACUUM INTO ?", path);
  chmodSync(path, 0o600);
  return path;
}

function apply(connection: Connection, migration: Migration, now: number): void {
  connection.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have done it while this one waited for the lock.
    if (schemaOf(connection) < migration.id) applyLocked(connection, migration, now);
    connection.exec("COMMIT");
  } catch (error) {
    connection.exec("ROLLBACK");
    throw error;
  }
}

function applyLocked(connection: Connection, { id, name, sql, checksum }: Migration, now: number): void {
  const before = countsOf(connection);
  connection.exec(sql);
  const after = countsOf(connection);
  for (const [table, count] of Object.entries(before)) {
    if (after[table] !== count)
      throw failed(
        `Migration ${name} changed table ${table} from ${count} to ${after[table]} rows`,
        "Nothing was changed; report this.",
      );
  }
  connection.run(
    "INSERT INTO migration (id, name, checksum, at_ms) VALUES (?, ?, ?, ?)",
    id,
    name,
    checksum,
    now,
  );
  connection.exec(`PRAGMA user_version = ${id}; PRAGMA application_id = ${applicationId}`);
}

const countedTables = ["session", "log", "chunk", "tombstone", "blob", "blob_ref"];

function countsOf(connection: Connection): Record<string, number> {
  const names = connection
    .all<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
    .map((row) => row.name);
  const counted = countedTables.filter((table) => names.includes(table));
  return Object.fromEntries(
    counted.map((table) => [table, connection.get<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)!.n]),
  );
}

function failed(message: string, next: string): HoldfastError {
  return new HoldfastError({ code: "migration_failed", message: `${message}.`, next });
}
