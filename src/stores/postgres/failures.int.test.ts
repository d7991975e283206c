import { inspect } from "node:util";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { clientOn } from "../../../test/postgres/client-on.ts";
import { type Server, startServer } from "../../../test/postgres/server.ts";
import type { Store } from "../../core/store.ts";
import { inSession, type Writer } from "./in-session.ts";
import { openPostgresStore } from "./index.ts";

let server: Server;
let admin: postgres.Sql;
let store: Store;
let url: string;
let count = 0;

beforeAll(async () => {
  server = await startServer({ flags: ["-c", "max_prepared_transactions=2"] });
  admin = postgres(server.url, { max: 2, onnotice: () => {}, backoff: () => 0.05 });
});
afterAll(async () => {
  await admin.end({ timeout: 0 });
  await server.stop();
});
beforeEach(async () => {
  url = `${server.url}?schema=t${(count += 1)}`;
  store = await openPostgresStore({ url, connections: 2, pollMs: 50 });
});
afterEach(() => store.close());

const log = { project: "p", session: "s", log: "" };
const secret = "what nobody else may read";
const append = (to: Store, uuid: string, session = "s") =>
  to.append({ log: { ...log, session }, entries: [{ uuid, body: JSON.stringify({ secret }) }] });
const schema = () => new URL(url).searchParams.get("schema")!;

describe("A store whose server", () => {
  test.each(["SIGINT", "SIGQUIT"] as const)(
    "goes away with %s says so, and goes on by itself once it is back",
    async (signal) => {
      await append(store, "1");
      const over = new AbortController();
      const positions: number[] = [];
      const watching = (async () => {
        for await (const { position } of store.watch({ after: 0 }, over.signal)) positions.push(position);
      })();
      await expect.poll(() => positions).toEqual([1]);
      await server.shutDown(signal);
      for (const call of [
        () => append(store, "2"),
        () => store.read({ log }),
        () => store.changes({ after: 0 }),
      ])
        await expect(call()).rejects.toMatchObject({ code: "store_unreachable", retryable: true });
      await server.start();
      expect(await append(store, "2")).toMatchObject({ appended: 1, to: 2 });
      expect(await append(store, "1")).toMatchObject({ appended: 0, duplicates: 1 });
      await expect.poll(() => positions.at(-1)).toBe(2);
      over.abort();
      await watching;
    },
  );

  test("goes away under many writes answers each of them, and the same calls again write nothing twice.", async () => {
    await append(store, "0");
    const names = Array.from({ length: 40 }, (_, n) => `u-${n}`);
    const writes = names.map((name, n) => append(store, name, `s-${n % 8}`));
    const [ends] = await Promise.all([Promise.allSettled(writes), server.shutDown("SIGQUIT")]);
    for (const end of ends)
      if (end.status === "rejected") expect(end.reason).toMatchObject({ retryable: true });
    await server.start();
    await Promise.all(names.map((name, n) => append(store, name, `s-${n % 8}`)));
    const { entries, problems } = await store.health({ deep: true });
    expect([entries, problems]).toEqual([41, []]);
  });

  test("is shutting down refuses new connections for a while, and says so.", async () => {
    const held = await admin.reserve();
    process.kill(await postmaster(), "SIGTERM");
    const late = openPostgresStore({ url, connections: 1 });
    await expect(late).rejects.toMatchObject({ code: "store_unreachable", retryable: true });
    held.release();
    await server.shutDown();
    await server.start();
  });

  test("gives a statement up after statement_timeout or lock_timeout says that nothing was written.", async () => {
    await append(store, "1");
    for (const setting of ["statement_timeout", "lock_timeout"]) {
      const hasty = await openPostgresStore({ url: `${url}&${setting}=50`, connections: 1 });
      const lock = await admin.reserve();
      await lock.unsafe(`BEGIN; UPDATE ${schema()}.lane SET version = version`);
      await expect(append(hasty, setting)).rejects.toMatchObject({ code: "store_busy", retryable: true });
      await lock.unsafe("ROLLBACK");
      lock.release();
      expect(await append(hasty, setting)).toMatchObject({ appended: 1 });
      await hasty.close();
    }
  });

  test("ends two writes that wait for each other lets both be done.", async () => {
    const client = clientOn(url);
    const writer: Writer = { client, now: () => null };
    const met = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let attempts = 0;
    const crossing = (own: string, other: string, at: number) =>
      inSession(writer, { project: "p", session: own }, async ({ query }) => {
        attempts += 1;
        met[at]!.resolve();
        await met[1 - at]!.promise;
        await query("UPDATE hf.lane SET served = served + 1 WHERE session = $1", other);
      });
    await append(store, "1", "a");
    await append(store, "1", "b");
    await Promise.all([crossing("a", "b", 0), crossing("b", "a", 1)]);
    expect(attempts).toBeGreaterThan(2);
    expect(await client.query("SELECT FROM hf.lane WHERE served = 1")).toHaveLength(2);
    await client.close();
  });

  test("holds a prepared transaction keeps its place in the feed free for nobody.", async () => {
    await append(store, "1");
    const other = await admin.reserve();
    await other.unsafe(`
      BEGIN; INSERT INTO ${schema()}.unnumbered (at_ms, kind, project, session) VALUES (1, 'run', 'p', 'late');
      PREPARE TRANSACTION '${schema()}'`);
    other.release();
    await append(store, "2");
    expect((await store.changes({ after: 0 })).changes).toHaveLength(2);
    await admin.unsafe(`COMMIT PREPARED '${schema()}'`);
    const { changes } = await store.changes({ after: 0 });
    expect(changes.map(({ seq, session }) => [seq, session])).toEqual([
      [1, "s"],
      [2, "s"],
      [3, "late"],
    ]);
  });
});

describe("A store that", () => {
  test("may only read reads, and says of a write that it may not be made again.", async () => {
    await append(store, "1");
    const reader = await role("NOINHERIT", `GRANT SELECT ON ALL TABLES IN SCHEMA ${schema()} TO`);
    for (const [readOnly, cause] of [
      [`${url}&default_transaction_read_only=on`, "25006"],
      [reader, "42501"],
    ] as const) {
      const bound = await openPostgresStore({ url: readOnly, connections: 1 });
      await expect(append(bound, "2")).rejects.toMatchObject({
        code: "store_unreachable",
        retryable: false,
        data: { cause },
      });
      expect((await bound.read({ log })).entries).toHaveLength(1);
      await bound.close();
    }
  });

  test("is given no connection may ask again, and gets one when there is one.", async () => {
    const own = await role("CONNECTION LIMIT 1", `GRANT ALL ON ALL TABLES IN SCHEMA ${schema()} TO`);
    const first = await openPostgresStore({ url: own, connections: 1 });
    const second = () =>
      openPostgresStore({ url: own, connections: 1 }).then(
        (opened) => opened.close(),
        (error: unknown) => error,
      );
    expect(await second()).toMatchObject({
      code: "store_unreachable",
      retryable: true,
      data: { cause: "53300" },
    });
    await first.close();
    await expect.poll(second).toBeUndefined();
  });

  test("names a wrong password, user or database says so, and shows no credentials and no content.", async () => {
    await append(store, "1");
    const wrong = new URL(url);
    wrong.password = "hunter2";
    const nobody = new URL(url);
    nobody.username = "nobody";
    const nowhere = new URL(url);
    nowhere.pathname = "/nowhere";
    const errors: unknown[] = [];
    for (const { href } of [wrong, nobody, nowhere])
      errors.push(await openPostgresStore({ url: href }).catch((error: unknown) => error));
    await admin.unsafe(`ALTER TABLE ${schema()}.chunk ADD CHECK (first_seq < 2)`);
    errors.push(await append(store, "2").catch((error: unknown) => error));
    await admin.unsafe(`DROP TABLE ${schema()}.chunk`);
    errors.push(await append(store, "3").catch((error: unknown) => error));
    expect(errors.map((error) => (error as { code: string }).code)).toEqual([
      ...["store_unreachable", "store_unreachable", "store_unreachable", "23514", "store_unreachable"],
    ]);
    for (const error of errors) {
      expect(error).not.toMatchObject({ retryable: true });
      const shown = inspect(error, { showHidden: true, depth: 20 }) + JSON.stringify(error);
      expect(shown).not.toContain("hunter2");
      expect(shown).not.toContain("postgres:secret@");
      expect(shown).not.toContain(secret);
    }
  });

  test("loses its database says that it is gone.", async () => {
    await admin.unsafe("CREATE DATABASE gone");
    const lost = await openPostgresStore({ url: server.url.replace(/postgres$/, "gone"), connections: 2 });
    await append(lost, "1");
    await admin.unsafe("DROP DATABASE gone WITH (FORCE)");
    for (let n = 0; n < 2; n += 1)
      await expect(append(lost, "2")).rejects.toMatchObject({
        code: "store_unreachable",
        retryable: false,
        data: { cause: "3D000" },
      });
    await lost.close();
  });
});

/** The URL of the store for a new user with these rights. */
async function role(options: string, grant: string): Promise<string> {
  const name = `r_${schema()}`;
  await admin.unsafe(`
    CREATE ROLE ${name} LOGIN PASSWORD 'r' ${options};
    GRANT USAGE ON SCHEMA ${schema()} TO ${name}; ${grant} ${name}`);
  return url.replace("postgres:secret@", `${name}:r@`);
}

async function postmaster(): Promise<number> {
  const [row] = await admin<{ pid: number }[]>`
    SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::integer AS pid`;
  return row!.pid;
}
