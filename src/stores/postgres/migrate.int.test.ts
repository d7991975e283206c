import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import postgres from "postgres";
import { afterAll, describe, it } from "vitest";
import { testSchemas } from "../../../test/postgres/schemas.ts";
import { isHoldfastError } from "../../core/errors.ts";
import { openPostgresStore } from "./index.ts";
import { migrate, readMigrations } from "./migrate.ts";
import { Place } from "./place.ts";
import { PostgresClient } from "./postgres-client.ts";

const schemas = testSchemas();
const folder = mkdtempSync(join(tmpdir(), "holdfast-migrations-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const log = { project: "p-1", session: "s-1", log: "" };
const entries = [{ uuid: "u-1", body: '{"a":1}' }];

/** Adds a column that a program of the schema before knows nothing of. */
const expand = "-- oldest: 1\nALTER TABLE hf.session ADD COLUMN mood text NOT NULL DEFAULT 'calm';";
/** Ends what programs of schema 1 rest on. */
const contract = "-- oldest: 2\nALTER TABLE hf.session DROP COLUMN title_folded;";

describe("A rollout", () => {
  it("lets a program of the last version go on, and open the newer schema.", async () => {
    const url = schemas.next();
    const old = await openPostgresStore({ url });
    await old.append({ log, entries });
    assert.deepEqual(await migrateWith(url, { "0002-expand.sql": expand }), { from: 1, to: 2 });
    assert.equal((await old.append({ log, entries })).duplicates, 1);
    const restarted = await openPostgresStore({ url });
    assert.equal((await restarted.append({ log, entries: [{ body: "{}" }] })).to, 2);
    assert.equal((await restarted.describe({ session: log, title: "T" })).title, "T");
    assert.equal((await old.read({ log })).entries.length, 2);
    const { schema, latestSchema, problems } = await restarted.health({ deep: true });
    assert.deepEqual([schema, latestSchema, problems], [2, 1, []]);
    assert.deepEqual(await restarted.migrate(), { from: 2, to: 2 });
    assert.equal((await restarted.drop({ session: log, actor: "test" })).entries, 2);
    await Promise.all([old.close(), restarted.close()]);
  });

  it("refuses a program that a later migration leaves behind, and changes nothing.", async () => {
    const url = schemas.next();
    await (await openPostgresStore({ url })).close();
    await migrateWith(url, { "0002-expand.sql": expand, "0003-contract.sql": contract });
    await refused("store_too_new", () => openPostgresStore({ url }));
    await refused("store_too_new", () => openPostgresStore({ url, create: false }));
  });

  it("refuses a newer schema that does not say who may stay.", async () => {
    const url = schemas.next();
    await (await openPostgresStore({ url })).close();
    await migrateWith(url, { "0002-silent.sql": "ALTER TABLE hf.session ADD COLUMN mood text;" });
    await refused("store_too_new", () => openPostgresStore({ url }));
  });

  it("is done once, however many programs begin it at the same moment.", async () => {
    const url = schemas.next();
    await (await openPostgresStore({ url })).close();
    // Twice it would fail, because the column is there.
    const files = { "0002-expand.sql": expand };
    const results = await Promise.all(Array.from({ length: 10 }, () => migrateWith(url, files)));
    assert.ok(results.every(({ to }) => to === 2));
  });
});

describe("A migration", () => {
  it("that fails leaves the schema as it was, with all that it holds.", async () => {
    const url = schemas.next();
    const store = await openPostgresStore({ url });
    await store.append({ log, entries });
    const files = { "0002-bad.sql": `${expand}\nSELECT 1 / 0;` };
    await refused("migration_failed", () => migrateWith(url, files));
    assert.deepEqual(await store.migrate(), { from: 1, to: 1 });
    assert.equal((await store.read({ log })).entries.length, 1);
    assert.deepEqual(await migrateWith(url, { "0002-good.sql": expand }), { from: 1, to: 2 });
    await store.close();
  });

  it("that is not the one in the database is refused.", async () => {
    const url = schemas.next();
    const store = await openPostgresStore({ url });
    const changed = "-- another file of the same number\nSELECT 1;";
    await refused("migration_failed", () => migrateWith(url, { "0001-init.sql": changed }));
    await refused("migration_failed", () =>
      migrateWith(url, { "0001-init.sql": changed, "0002-expand.sql": expand }),
    );
    assert.equal((await store.health()).schema, 1);
    await store.close();
  });
});

/** Migrates as a program would that has these files beside the first. */
async function migrateWith(url: string, files: Readonly<Record<string, string>>) {
  const own = mkdtempSync(join(folder, "m-"));
  cpSync(new URL("./migrations/", import.meta.url), own, { recursive: true });
  for (const [name, sql] of Object.entries(files)) writeFileSync(join(own, name), sql);
  const place = new Place({ url: "postgres://test", schema: new URL(url).searchParams.get("schema")! });
  const { options } = postgres(url.slice(0, url.lastIndexOf("schema=") - 1), { max: 1, onnotice: () => {} });
  const client = new PostgresClient({ options, place });
  try {
    return await migrate(client, place, readMigrations(pathToFileURL(`${own}/`)));
  } finally {
    await client.close();
  }
}

async function refused(code: string, call: () => Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(isHoldfastError(error), String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}
