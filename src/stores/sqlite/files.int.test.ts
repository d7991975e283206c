import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Connection } from "./connection.ts";
import { openSqliteStore } from "./index.ts";
import { migrate, type Migration, readMigrations } from "./migrate.ts";
import { latestSchema } from "./schema.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-files-"));
  path = join(folder, "deep", "holdfast.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const log = { project: "p", session: "s", log: "" };

describe("the file of a SQLite store", () => {
  test("is readable by its owner alone, and so are its folder and its write-ahead log", async () => {
    const store = openSqliteStore({ path });
    await store.append({ log, entries: [{ body: "{}" }] });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "deep")).mode & 0o777).toBe(0o700);
    await store.close();
  });

  test("is not made by a caller who asked not to", () => {
    expect(() => openSqliteStore({ path, create: false })).toThrow(/no store at .*holdfast import/);
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
    mkdirSync(join(folder, "deep"));
    writeFileSync(path, "");
    expect(() => openSqliteStore({ path, create: false })).toThrow(/no store at .*holdfast import/);
    expect(readFileSync(path).length).toBe(0);
  });

  test("is refused and left as it was when it is no database", () => {
    path = join(folder, "notes.txt");
    writeFileSync(path, "just some notes that are long enough to be read as a header, surely\n".repeat(40));
    const before = hashOf(path);
    expect(() => openSqliteStore({ path })).toThrow(/not an SQLite database/);
    expect(hashOf(path)).toBe(before);
  });

  test("is refused and left as it was when another program made it", () => {
    path = join(folder, "other.db");
    const other = new DatabaseSync(path);
    other.exec("CREATE TABLE notes (text TEXT)");
    other.close();
    const before = hashOf(path);
    expect(() => openSqliteStore({ path })).toThrow(/not of Holdfast/);
    expect(hashOf(path)).toBe(before);
  });

  test("is refused and left as it was when a later Holdfast made it", async () => {
    await openSqliteStore({ path }).close();
    const later = new DatabaseSync(path);
    later.exec("PRAGMA user_version = 999; PRAGMA wal_checkpoint(TRUNCATE)");
    later.close();
    const before = hashOf(path);
    expect(() => openSqliteStore({ path })).toThrow(/schema 999.*Update Holdfast/);
    expect(hashOf(path)).toBe(before);
  });

  test("is reported by health when others can read it", async () => {
    const store = openSqliteStore({ path });
    chmodSync(path, 0o644);
    expect((await store.health()).problems).toEqual([expect.stringContaining("chmod 600")]);
    await store.close();
  });

  test.each([
    "DELETE FROM chunk WHERE first_seq = 1",
    "DELETE FROM chunk WHERE first_seq = 3",
    "DELETE FROM chunk WHERE first_seq = 5",
    "UPDATE chunk SET bodies = '{}' WHERE first_seq = 3",
    "UPDATE chunk SET times = '[1]' WHERE first_seq = 3",
  ])("is found damaged by a deep look after %s", async (fault) => {
    const store = openSqliteStore({ path });
    for (let n = 0; n < 3; n += 1)
      await store.append({ log, entries: [{ body: "{}" }, { body: '{"n":1}', uuid: `u-${n}` }] });
    expect((await store.health({ deep: true })).problems).toEqual([]);
    const hand = new DatabaseSync(path);
    hand.exec(fault);
    hand.close();
    expect((await store.health({ deep: true })).problems).toEqual([expect.stringContaining("is not whole")]);
    await store.close();
  });

  test("cannot be a folder", () => {
    mkdirSync(path, { recursive: true });
    expect(() => openSqliteStore({ path })).toThrow(/cannot be opened/);
  });
});

describe("migrations", () => {
  test("take a backup first and keep every row", async () => {
    await fill(path);
    const connection = new Connection({ path, busyTimeoutMs: 1000 });
    const result = migrate(
      connection,
      [...readMigrations(), extra("CREATE TABLE extra (id INTEGER) STRICT;")],
      1_790_000_000_000,
    );
    connection.close();
    expect(result).toMatchObject({ from: latestSchema, to: latestSchema + 1 });
    const backup = new DatabaseSync(result.backup!, { readOnly: true });
    expect(backup.prepare("SELECT count(*) AS n FROM chunk").get()).toEqual({ n: 1 });
    backup.close();
    expect(statSync(result.backup!).mode & 0o777).toBe(0o600);
  });

  test("are taken back whole when one loses a row", async () => {
    await fill(path);
    const connection = new Connection({ path, busyTimeoutMs: 1000 });
    const losing = extra("CREATE TABLE extra (id INTEGER) STRICT; DELETE FROM chunk;");
    expect(() => migrate(connection, [...readMigrations(), losing], 1_790_000_000_000)).toThrow(
      /chunk from 1 to 0 rows/,
    );
    expect(connection.get("PRAGMA user_version")).toEqual({ user_version: latestSchema });
    expect(connection.get("SELECT count(*) AS n FROM chunk")).toEqual({ n: 1 });
    expect(connection.get("SELECT count(*) AS n FROM sqlite_master WHERE name = 'extra'")).toEqual({ n: 0 });
    connection.close();
  });

  test("refuse a file whose applied migration differs from the program's", async () => {
    await fill(path);
    const connection = new Connection({ path, busyTimeoutMs: 1000 });
    const changed = readMigrations().map((migration) => ({ ...migration, checksum: "0" }));
    expect(() => migrate(connection, changed, 1_790_000_000_000)).toThrow(/Migration 1 in the file/);
    connection.close();
  });

  test("number exactly the files in their folder", async () => {
    const store = openSqliteStore({ path });
    expect((await store.health()).latestSchema).toBe(readMigrations().length);
    expect(readMigrations().map(({ id }) => id)).toEqual(readMigrations().map((_, index) => index + 1));
    await store.close();
  });
});

async function fill(at: string): Promise<void> {
  const store = openSqliteStore({ path: at });
  await store.append({ log, entries: [{ body: "{}" }] });
  await store.close();
}

function extra(sql: string): Migration {
  const id = latestSchema + 1;
  return { id, name: `000${id}-extra.sql`, sql, checksum: createHash("sha256").update(sql).digest("hex") };
}

function hashOf(at: string): string {
  return createHash("sha256").update(readFileSync(at)).digest("hex");
}
