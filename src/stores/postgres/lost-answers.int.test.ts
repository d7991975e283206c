import pg from "pg";
import postgres from "postgres";
import { afterAll, afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { Proxy } from "../../../test/postgres/proxy.ts";
import { testSchemas } from "../../../test/postgres/schemas.ts";
import type { EntryInput } from "../../core/entry.ts";
import type { Store } from "../../core/store.ts";
import { openPostgresStore } from "./index.ts";

const schemas = testSchemas();
const admin = postgres(inject("postgresUrl"), { max: 3, onnotice: () => {} });
afterAll(() => admin.end());

let url: string;
let schema: string;
let proxy: Proxy;
let store: Store;
let end: () => Promise<void>;

const log = { project: "p", session: "s", log: "" };
const first = entriesOf("first");
const second = entriesOf("second");
const unknown = { code: "outcome_unknown", retryable: true };
const unreachable = { code: "store_unreachable", retryable: true };

describe.each(["postgres", "pg"])("Over %s a store whose connection is cut", (library) => {
  beforeEach(async () => {
    url = schemas.next();
    schema = new URL(url).searchParams.get("schema")!;
    proxy = await Proxy.before(url);
    const through = new URL(proxy.url);
    through.search = "";
    const pool = new pg.Pool({ connectionString: through.href, max: 3 });
    pool.on("error", () => {});
    store = await openPostgresStore(
      library === "pg"
        ? { pool, schema, pollMs: 50 }
        : { url: proxy.url, connections: 3, pollMs: 50, postgres: { connect_timeout: 2 } },
    );
    end = () => pool.end();
  });
  afterEach(async () => {
    await store.close();
    await end();
    await proxy.end();
  });

  test("behind COMMIT does not know what became of it, and the same call again writes nothing twice.", async () => {
    proxy.cutAt("COMMIT\0");
    await expect(store.append({ log, entries: first })).rejects.toMatchObject(unknown);
    expect(await uuids()).toEqual(["first-0", "first-1"]);
    expect(await store.append({ log, entries: first })).toMatchObject({ appended: 0, duplicates: 2, to: 2 });
    expect(await store.append({ log, entries: second })).toMatchObject({ appended: 2, to: 4 });
    expect((await store.changes({ after: 0 })).changes).toMatchObject([
      { from: 1, to: 2 },
      { from: 3, to: 4 },
    ]);
  });

  test("before COMMIT is seen does not know either, and the same call again writes it.", async () => {
    proxy.cutAt("COMMIT\0", "before");
    await expect(store.append({ log, entries: first })).rejects.toMatchObject(unknown);
    expect(await uuids()).toEqual([]);
    expect(await store.append({ log, entries: first })).toMatchObject({ appended: 2, duplicates: 0, to: 2 });
  });

  test("behind a write of one statement does not know what became of it, and nothing is there twice.", async () => {
    await store.append({ log, entries: first });
    await store.append({ log, entries: entriesOf("warm") });
    for (const when of ["behind", "before"] as const) {
      const name = `cut ${when}`;
      proxy.cutAt(`${name}-0`, when);
      await expect(store.append({ log, entries: entriesOf(name) })).rejects.toMatchObject(unknown);
      const { appended, duplicates } = await store.append({ log, entries: entriesOf(name) });
      expect([appended, duplicates]).toEqual(when === "behind" ? [0, 2] : [2, 0]);
    }
    expect(await uuids()).toHaveLength(8);
    expect((await store.health({ deep: true })).problems).toEqual([]);
  });

  test("in the middle of a transaction has written nothing, and says so.", async () => {
    proxy.cutAt("first-0");
    await expect(store.append({ log, entries: first })).rejects.toMatchObject(unreachable);
    expect(await uuids()).toEqual([]);
    expect(await store.append({ log, entries: first })).toMatchObject({ appended: 2, to: 2 });
  });

  test("in a read says that it may be read again.", async () => {
    await store.append({ log, entries: first });
    proxy.cutAt("look for this");
    const key = { project: "p", session: "look for this" };
    await expect(store.session(key)).rejects.toMatchObject(unreachable);
    expect(await store.session(key)).toBeNull();
  });

  test("by an administrator while it waits for a lock goes on afterwards, with nothing twice.", async () => {
    await store.append({ log, entries: first });
    const lock = await admin.reserve();
    await lock.unsafe(`BEGIN; UPDATE "${schema}".lane SET version = version`);
    const cut = store.append({ log, entries: second });
    await expect(Promise.all([cut, terminateWaiting()])).rejects.toMatchObject({ retryable: true });
    await lock.unsafe("COMMIT");
    lock.release();
    expect(await store.append({ log, entries: second })).toMatchObject({ appended: 2, to: 4 });
  });

  test("at both ends, with a proxy that closes every connection, is told so, and goes on when it opens.", async () => {
    proxy.closeAll(true);
    await expect(store.append({ log, entries: first })).rejects.toMatchObject(unreachable);
    await expect(store.changes({ after: 0 })).rejects.toMatchObject(unreachable);
    proxy.closeAll(false);
    expect(await store.append({ log, entries: first })).toMatchObject({ appended: 2 });
  });
});

function entriesOf(name: string): EntryInput[] {
  return [0, 1].map((n) => ({ uuid: `${name}-${n}`, body: `{"n":${n}}` }));
}

/** Read past the proxy. */
async function uuids(): Promise<(string | undefined)[]> {
  const other = await openPostgresStore({ url, connections: 1 });
  const { entries } = await other.read({ log });
  await other.close();
  return entries.map(({ uuid }) => uuid);
}

async function terminateWaiting(): Promise<void> {
  for (let ended = 0; ended === 0;) {
    const rows = await admin`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE wait_event_type = 'Lock' AND query LIKE ${`%"${schema}"%`}`;
    ended = rows.length;
  }
}
