import assert from "node:assert/strict";
import postgres from "postgres";
import { afterAll, describe, inject, it } from "vitest";
import { testSchemas } from "../../../test/postgres/schemas.ts";
import type { Store } from "../../core/store.ts";
import { health } from "./health.ts";
import { openPostgresStore } from "./index.ts";
import { Place } from "./place.ts";
import { PostgresClient } from "./postgres-client.ts";

const schemas = testSchemas();
const sql = postgres(inject("postgresUrl"), { max: 4, onnotice: () => {} });
afterAll(() => sql.end());

const keyOf = (session: string) => ({ project: "p-1", session });
const entries = [{ body: "{}" }];

describe("Of two stores on one schema", () => {
  it("each finds the blob that it put, while the other drops the last session that held it.", async () => {
    const [one, two] = await pair();
    const bytes = Uint8Array.of(1, 2, 3);
    for (let round = 0; round < 40; round += 1) {
      const [kept, dropped] = [keyOf(`kept-${round}`), keyOf(`dropped-${round}`)];
      await two.append({ log: { ...dropped, log: "" }, entries });
      await two.putBlob({ session: dropped, bytes });
      const [{ blob }] = await Promise.all([
        one.putBlob({ session: kept, bytes }),
        two.drop({ session: dropped, actor: "test" }),
        round % 2 === 0 ? two.sweep({ minAgeMs: 0 }) : undefined,
      ]);
      // A sweep of every age may take the blob of a session that has not begun, and only that.
      if (round % 2 === 1) assert.deepEqual(await one.getBlob({ blob }), bytes, `round ${round}`);
      await one.drop({ session: kept, actor: "test" });
    }
    assert.equal((await one.health()).blobs, 0);
    await Promise.all([one.close(), two.close()]);
  });

  it("a resume key is given by both at once to one session in the end.", async () => {
    const stores = await pair();
    const names = Array.from({ length: 6 }, (_, n) => `s-${n}`);
    for (const name of names) await stores[0].append({ log: { ...keyOf(name), log: "" }, entries });
    for (let round = 0; round < 5; round += 1) {
      const resume = { key: `task-${round % 2}`, token: `t-${round}` };
      await Promise.all(names.map((name, n) => stores[n % 2]!.describe({ session: keyOf(name), resume })));
      const filter = { project: "p-1", resumeKey: resume.key };
      assert.equal((await stores[0].sessions({ filter })).sessions.length, 1);
    }
    await Promise.all(stores.map((store) => store.close()));
  });
});

describe("A text that PostgreSQL cannot keep", () => {
  it("stops no write: a NUL in a title or a reason becomes a replacement character.", async () => {
    const store = await openPostgresStore({ url: schemas.next() });
    const log = { ...keyOf("s-1"), log: "" };
    const fold = () => ({ summary: "{}", title: "a\0b" });
    assert.equal((await store.append({ log, entries, fold })).appended, 1);
    assert.equal((await store.session(log))?.title, "a\u{fffd}b");
    await store.drop({ session: log, actor: "test", reason: "because \0" });
    assert.equal((await store.tombstone(log))?.reason, "because \u{fffd}");
    await store.close();
  });

  it("refuses a name that no index takes, and changes nothing.", async () => {
    const store = await openPostgresStore({ url: schemas.next() });
    // Of characters that no compression makes shorter.
    const name = Array.from({ length: 2048 }, (_, n) =>
      String.fromCodePoint(0x4e00 + ((n * 7919) % 20_000)),
    ).join("");
    const log = { ...keyOf(name), log: "" };
    await assert.rejects(store.append({ log, entries }), { code: "invalid_key" });
    assert.deepEqual((await store.sessions()).sessions, []);
    await store.close();
  });
});

describe("Health", () => {
  it("names the process whose transaction others wait for, and ends although it holds the feed.", async () => {
    const url = schemas.next();
    const schema = new URL(url).searchParams.get("schema")!;
    const store = await openPostgresStore({ url });
    await store.append({ log: { ...keyOf("s-1"), log: "" }, entries });
    const client = new PostgresClient({
      options: sql.options,
      place: new Place({ url: "postgres://test", schema }),
    });
    const hung = await sql.reserve();
    const [{ pid }] = await hung<[{ pid: number }]>`SELECT pg_backend_pid() AS pid`;
    await hung.unsafe("BEGIN");
    await hung.unsafe(`SELECT pg_advisory_xact_lock(hashtextextended('holdfast.feed."${schema}".', 0))`);
    await hung.unsafe(`UPDATE "${schema}".lane SET version = version`);
    const look = () =>
      health(client, new Place({ url: "postgres://test", schema }), { deep: true, openAfterMs: 0 });
    const { problems, position } = await look();
    assert.equal(problems.length, 1);
    assert.match(problems[0]!, new RegExp(`process ${pid} .* open for \\d+ s`));
    assert.equal(position, 0);
    await hung.unsafe("ROLLBACK");
    hung.release();
    assert.deepEqual([(await look()).problems, (await look()).position], [[], 1]);
    await client.close();
    await store.close();
  });

  it("finds a hole in the feed, a lost piece of a log and one that was cut short.", async () => {
    const url = schemas.next();
    const schema = new URL(url).searchParams.get("schema")!;
    const store = await openPostgresStore({ url });
    const two = [{ body: '{"a":1}' }, { body: '{"b":2}' }];
    for (const name of ["s-1", "s-2", "s-3"])
      for (let n = 0; n < 3; n += 1) await store.append({ log: { ...keyOf(name), log: "" }, entries: two });
    assert.deepEqual((await store.health({ deep: true })).problems, []);
    await sql.unsafe(`
      DELETE FROM "${schema}".change WHERE seq = 2;
      DELETE FROM "${schema}".chunk WHERE session = 's-1' AND first_seq = 3;
      UPDATE "${schema}".chunk SET bodies = '{}' WHERE session = 's-2' AND first_seq = 1`);
    const { problems } = await store.health({ deep: true });
    assert.deepEqual(problems.toSorted(), [
      'Log "" of session s-1 is not whole.',
      'Log "" of session s-2 is not whole.',
      "The change feed has no row 2.",
    ]);
    await store.close();
  });
});

async function pair(): Promise<readonly [Store, Store]> {
  const url = schemas.next();
  return [await openPostgresStore({ url }), await openPostgresStore({ url })];
}
