import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import postgres from "postgres";
import { afterAll, describe, inject, it } from "vitest";
import { testSchemas } from "../../../test/postgres/schemas.ts";
import { isHoldfastError } from "../../core/errors.ts";
import type { Query } from "./client.ts";
import { openPostgresStore } from "./index.ts";
import { Place } from "./place.ts";
import { checkServer } from "./schema.ts";

const schemas = testSchemas();
const base = inject("postgresUrl");
const sql = postgres(base, { max: 1, onnotice: () => {} });
afterAll(() => sql.end());

const log = { project: "p-1", session: "s-1", log: "" };
const entries = [{ body: '{"a":1}' }];

describe("openPostgresStore", () => {
  it("Makes the schema once, however many open it at the same moment.", async () => {
    const url = schemas.next();
    const opened = await Promise.all(
      Array.from({ length: 10 }, () => openPostgresStore({ url, connections: 2 })),
    );
    await Promise.all(
      opened.map((store, n) => store.append({ log: { ...log, session: `s-${n}` }, entries })),
    );
    const { sessions, problems, schema } = await opened[0]!.health({ deep: true });
    assert.deepEqual([sessions, problems, schema], [10, [], 1]);
    await Promise.all(opened.map((store) => store.close()));
  });

  it("Without create leaves a database alone that holds no store.", async () => {
    const url = schemas.next();
    await refused("store_unreachable", () => openPostgresStore({ url, create: false }));
    assert.equal((await sql`SELECT FROM pg_namespace WHERE nspname = ${schemaOf(url)}`).count, 0);
  });

  it("Refuses a schema that holds another program's tables, and changes none of it.", async () => {
    const url = schemas.next();
    await sql.unsafe(`CREATE SCHEMA "${schemaOf(url)}"; CREATE TABLE "${schemaOf(url)}".migration (id text)`);
    await refused("store_foreign", () => openPostgresStore({ url }));
    const tables = await sql`SELECT tablename FROM pg_tables WHERE schemaname = ${schemaOf(url)}`;
    assert.deepEqual([...tables], [{ tablename: "migration" }]);
  });

  it("Uses a schema that is there and empty, without the right to make schemas.", async () => {
    const url = schemas.next();
    const role = await roleWith(
      `CREATE SCHEMA "${schemaOf(url)}"; GRANT ALL ON SCHEMA "${schemaOf(url)}" TO`,
    );
    const store = await openPostgresStore({ url: asRole(url, role) });
    assert.equal((await store.append({ log, entries })).appended, 1);
    await store.close();
    await sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  it("Works for a user who has the rights that the guide grants, and no other.", async () => {
    const url = schemas.next();
    const [owner, app] = [await newRole(), await newRole()];
    const page = readFileSync(new URL("../../../docs/guide/postgresql.md", import.meta.url), "utf8");
    const [, grants] = /```sql\n([^]*?)```/.exec(page)!;
    const own = grants!.replaceAll("holdfast_owner", owner).replaceAll("holdfast_app", app);
    await sql.unsafe(own.replaceAll(/\bholdfast\b/g, schemaOf(url)));
    await refused("store_unreachable", () => openPostgresStore({ url: asRole(url, app) }));
    await (await openPostgresStore({ url: asRole(url, owner) })).close();
    const store = await openPostgresStore({ url: asRole(url, app), create: false });
    await store.admit({ session: log, key: "k-1", body: "{}" });
    const { run, lease } = (await store.claim({ worker: "w-1", leaseMs: 60_000 }))!;
    await store.append({ log, entries, run: run.id, fence: lease });
    const { parts } = await store.tail({ run: run.id });
    await store.commit({ session: log, run: run.id, epoch: lease.epoch, parts, outcome: "{}" });
    await store.putBlob({ session: log, bytes: Uint8Array.of(1) });
    assert.equal((await store.changes({ after: 0 })).changes.at(-1)?.kind, "run");
    assert.deepEqual((await store.health({ deep: true })).problems, []);
    await store.sweep({ minAgeMs: 0 });
    await store.drop({ session: log, actor: "test" });
    await store.close();
    await sql.unsafe(`DROP OWNED BY ${app}, ${owner}; DROP ROLE ${app}, ${owner}`);
  });

  it("Shows a URL without credentials, with the schema that it was given.", async () => {
    const url = schemas.next();
    const store = await openPostgresStore({ url });
    const { host } = new URL(base);
    assert.equal(store.url, `postgres://${host}/postgres?schema=${schemaOf(url)}`);
    await store.close();
    await refused("store_closed", () => store.session(log), store.url);
  });

  it("Passes over what other libraries read of a URL, and names what nobody does.", async () => {
    const url = `${schemas.next()}&channel_binding=prefer&connection_limit=5&pgbouncer=true&sslmode=prefer`;
    await (await openPostgresStore({ url })).close();
    const error = await refused("store_url_invalid", () => openPostgresStore({ url: `${url}&no_such=1` }));
    assert.match(error.message, /"no_such"/);
    const wrong = () => openPostgresStore({ url: `${url}&statement_timeout=soon` });
    assert.match((await refused("store_url_invalid", wrong)).message, /"soon"/);
  });

  it("Names the schema by its option too, and tells two of them apart.", async () => {
    const [one, two] = [schemas.next(), schemas.next()].map(schemaOf);
    const [first, second] = await Promise.all(
      [one, two].map((schema) => openPostgresStore({ url: base, schema, connections: 1 })),
    );
    await first!.append({ log, entries });
    assert.equal(await second!.session(log), null);
    assert.equal((await first!.session(log))?.entries, 1);
    await Promise.all([first!.close(), second!.close()]);
  });
});

describe("A URL that is refused", () => {
  const secret = "hunter2";
  const known = new URL(base);

  for (const url of [
    "postgres:",
    "postgres:///%zz",
    `postgres://me:${secret}`.replace("//", "/"),
    `postgres://me:${secret}%zz@localhost/db`,
    `postgres://me:${secret}@localhost:port/db`,
    `postgres://me:${secret}@localhost/db#fragment`,
    `postgres://me:${secret}@localhost/db?schema=Bad Name`,
    `postgres://me:${secret}@localhost/db?schema=`,
    `mysql://me:${secret}@localhost/db`,
  ]) {
    it(`is told without its password: ${url.replace(secret, "…")}`, async () => {
      await refused("store_url_invalid", () => openPostgresStore({ url }), undefined, secret);
    });
  }

  for (const [what, url, retryable] of [
    ["an unknown host", `postgres://me:${secret}@nowhere.invalid/db`, true],
    ["a port that nobody listens on", `postgres://me:${secret}@127.0.0.1:1/db`, true],
    ["an unknown user", `postgres://nobody:${secret}@${known.host}/postgres`, false],
    ["an unknown database", `${base.replace(/[^/]*$/, "")}no_such_database`, false],
    ["an unknown socket", `postgres://me:${secret}@%2Fnowhere/db`, true],
    ["an unknown socket of ?host=", `postgres://me:${secret}@/db?host=/nowhere`, true],
  ] as const) {
    it(`names ${what} with its place, and no password.`, async () => {
      const error = await refused("store_unreachable", () => openPostgresStore({ url }), undefined, secret);
      assert.equal(error.retryable, retryable);
      assert.match(error.message, /postgres:\/\//);
      assert.doesNotMatch(error.message, /@/);
    });
  }
});

describe("An instance of the caller's", () => {
  it("stays open when the store is closed, and keeps its own reading of numbers.", async () => {
    const own = postgres(base, { max: 2, onnotice: () => {}, types: { bigint: postgres.BigInt } });
    const store = await openPostgresStore({ sql: own, schema: schemaOf(schemas.next()) });
    assert.equal((await store.append({ log, entries })).to, 1);
    assert.deepEqual(
      (await store.read({ log })).entries.map(({ seq }) => seq),
      [1],
    );
    assert.equal((await store.session(log))?.entries, 1);
    await store.close();
    assert.equal((await own`SELECT 1::bigint AS one`)[0]!["one"], 1n);
    await own.end();
  });

  it("is refused where it renames what it reads.", async () => {
    const own = postgres(base, { max: 1, transform: postgres.toPascal });
    await refused("usage", () => openPostgresStore({ sql: own }));
    await own.end();
  });
});

describe("A server", () => {
  it("that is older than PostgreSQL 14 is refused by its own name.", async () => {
    const place = new Place({ url: "postgres://old/db" });
    const server = (number: number, name: string): Query =>
      (async () => Object.assign([{ number, name }], { count: 1 })) as unknown as Query;
    const error = await refused("store_unreachable", () =>
      checkServer(server(130_020, "13.20 (Debian)"), place),
    );
    assert.match(error.message, /13\.20 .* 14 or later/);
    await checkServer(server(140_000, "14.0"), place);
  });

  it("whose settings may lose what was acknowledged is told by health.", async () => {
    const url = schemas.next();
    const role = await roleWith(
      `CREATE SCHEMA "${schemaOf(url)}"; GRANT ALL ON SCHEMA "${schemaOf(url)}" TO`,
    );
    await sql.unsafe(`ALTER ROLE ${role} SET synchronous_commit = off`);
    await sql.unsafe(`ALTER ROLE ${role} SET default_transaction_isolation = 'serializable'`);
    const store = await openPostgresStore({ url: asRole(url, role) });
    const { problems } = await store.health();
    await store.close();
    assert.equal(problems.length, 2);
    assert.match(problems[0]!, /default_transaction_isolation is serializable/);
    assert.match(problems[1]!, /synchronous_commit is off/);
    await sql.unsafe(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
});

async function refused(
  code: string,
  call: () => Promise<unknown>,
  shown = "",
  secret = "secret",
): Promise<{ readonly retryable: boolean; readonly message: string }> {
  const error: unknown = await call().then(
    () => assert.fail(`was not refused with ${code}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(isHoldfastError(error), String(error));
  assert.equal(error.code, code, error.message);
  assert.ok(error.message.includes(shown));
  const cause = error.cause instanceof Error ? `${error.cause.message} ${JSON.stringify(error.cause)}` : "";
  assert.doesNotMatch(`${JSON.stringify(error)} ${String(error)} ${cause}`, new RegExp(secret));
  return error;
}

function schemaOf(url: string): string {
  return new URL(url).searchParams.get("schema")!;
}

/** A role that may log in, given what the statement grants. */
async function roleWith(grant: string): Promise<string> {
  const role = await newRole();
  await sql.unsafe(`${grant} ${role}`);
  return role;
}

async function newRole(): Promise<string> {
  const role = `r${process.pid}_${Math.random().toString(36).slice(2, 8)}`;
  await sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`);
  return role;
}

function asRole(url: string, role: string): string {
  const as = new URL(url);
  as.username = role;
  as.password = "secret";
  return as.href;
}
