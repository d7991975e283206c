import pg from "pg";
import postgres from "postgres";
import { afterAll, afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { testSchemas } from "../../../test/postgres/schemas.ts";
import type { EntryInput } from "../../core/entry.ts";
import type { Store } from "../../core/store.ts";
import { openPostgresStore } from "./index.ts";

// What a replica that lagged shows once it has taken over: the store of a moment ago, with every connection lost.

const schemas = testSchemas();
const admin = postgres(inject("postgresUrl"), { max: 3, onnotice: () => {} });
afterAll(() => admin.end());

const session = { project: "p", session: "s" };
const log = { ...session, log: "" };
let url: string;
let schema: string;
let pool: pg.Pool;
let store: Store;
let other: Store;

describe.each(["postgres", "pg"])("Over %s a store whose server has lost the last commits", (library) => {
  beforeEach(async () => {
    url = schemas.next();
    const { searchParams } = new URL(url);
    schema = searchParams.get("schema")!;
    pool = new pg.Pool({ connectionString: url.split("?")[0]!, max: 3, application_name: schema });
    pool.on("error", () => {});
    const connection = { application_name: schema };
    store = await openPostgresStore(
      library === "pg" ? { pool, schema } : { url, connections: 3, postgres: { connection } },
    );
    other = await openPostgresStore({ url });
  });
  afterEach(async () => {
    await Promise.all([store.close(), other.close()]);
    await pool.end();
  });

  test("writes again what is not there any more, and behind what is.", async () => {
    await append(store, "a");
    await append(store, "b");
    await remember();
    await append(store, "lost-1");
    await append(store, "lost-2");
    await goBack();
    await append(other, "x");
    await append(other, "y");
    expect(await append(store, "c")).toMatchObject({ from: 5, to: 5 });
    expect(await append(store, "lost-1")).toMatchObject({ appended: 1, duplicates: 0 });
    expect(await append(store, "x")).toMatchObject({ appended: 0, duplicates: 1 });
    expect(await uuids()).toEqual(["a", "b", "x", "y", "c", "lost-1"]);
    expect((await other.health({ deep: true })).problems).toEqual([]);
  });

  test("stages again what is not there any more.", async () => {
    await store.admit({ session, key: "k", body: "{}" });
    const { run, lease } = (await store.claim({ worker: "w", leaseMs: 60_000 }))!;
    const staging = { run: run.id, fence: lease };
    await append(store, "a", staging);
    await remember();
    await append(store, "lost-1", staging);
    await append(store, "lost-2", staging);
    await goBack();
    await append(other, "x", staging);
    await append(other, "y", staging);
    expect(await append(store, "lost-1", staging)).toMatchObject({ from: 4, appended: 1 });
    expect(await append(store, "x", staging)).toMatchObject({ appended: 0, duplicates: 1 });
    const { entries } = await other.read({ log, run: run.id });
    expect(entries.map(({ uuid }) => uuid)).toEqual(["a", "x", "y", "lost-1"]);
  });
});

function append(to: Store, uuid: string, more: object = {}) {
  const entries: EntryInput[] = [{ uuid, body: "{}" }];
  return to.append({ log, entries, ...more });
}

async function uuids() {
  return (await other.read({ log })).entries.map(({ uuid }) => uuid);
}

async function tables(): Promise<string[]> {
  const rows = await admin<{ name: string }[]>`
    SELECT tablename AS name FROM pg_tables WHERE schemaname = ${schema} AND tablename IN ('lane', 'log', 'chunk', 'session')`;
  return rows.map(({ name }) => name);
}

async function remember(): Promise<void> {
  for (const name of await tables())
    await admin.unsafe(`CREATE TABLE "${schema}".was_${name} AS TABLE "${schema}".${name}`);
}

async function goBack(): Promise<void> {
  await admin`
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = ${schema}`;
  await admin.begin(async (sql) => {
    for (const name of ["lane", "log", "chunk", "session"]) {
      const columns = await sql<{ name: string }[]>`
        SELECT attname AS name FROM pg_attribute
        WHERE attrelid = ${`"${schema}".${name}`}::regclass AND attnum > 0 AND attgenerated = ''`;
      const list = columns.map((column) => column.name).join(", ");
      await sql.unsafe(`
        DELETE FROM "${schema}".${name};
        INSERT INTO "${schema}".${name} (${list}) OVERRIDING SYSTEM VALUE SELECT ${list} FROM "${schema}".was_${name}`);
    }
  });
}
