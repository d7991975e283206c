import { setTimeout } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { clientOn } from "../../../test/postgres/client-on.ts";
import { testSchemas } from "../../../test/postgres/schemas.ts";
import type { Change, Store } from "../../core/store.ts";
import { inSession } from "./in-session.ts";
import { openPostgresStore } from "./index.ts";
import type { PostgresClient } from "./postgres-client.ts";
import { recordChange } from "./record-change.ts";

const schemas = testSchemas();
const base = inject("postgresUrl");
const admin = postgres(base, { max: 2, onnotice: () => {} });
afterAll(() => admin.end());

let url: string;
let schema: string;
let stores: Store[];
let client: PostgresClient;

beforeEach(async () => {
  url = schemas.next();
  schema = new URL(url).searchParams.get("schema")!;
  stores = await Promise.all([1, 2].map(() => openPostgresStore({ url, connections: 2 })));
  client = clientOn(url, 20);
});
afterEach(async () => {
  await Promise.all([...stores.map((store) => store.close()), client.close()]);
});

describe("The feed of writers who hold their transactions open", () => {
  test("has no gap, skips nothing, keeps each session's order, and is the same for all readers.", async () => {
    const random = seededRandom(7);
    const hung = Promise.withResolvers<void>();
    const hanging = write("hangs", () => hung.promise);
    const perWriter = 12;
    const written = Promise.all(
      Array.from({ length: 16 }, async (_, writer) => {
        for (let n = 0; n < perWriter; n += 1) {
          // Half of them write sessions of their own, the others three that they share.
          const session = writer < 8 ? `own-${writer}` : `shared-${Math.floor(random() * 3)}`;
          const isUndone = random() < 0.1;
          if (isUndone) await expect(write(session, undone)).rejects.toThrow("undone");
          await write(session, () => setTimeout(random() * 15));
        }
      }),
    );
    const total = 16 * perWriter;
    const seen = await Promise.all(stores.map((store) => follow(store, total)));
    await written;
    // The one that hangs has written first, and is told of last.
    hung.resolve();
    await hanging;
    for (const [index, store] of stores.entries())
      seen[index]!.push(...(await store.changes({ after: total })).changes);

    expect(seen[0]!.map(({ seq }) => seq)).toEqual(Array.from({ length: total + 1 }, (_, n) => n + 1));
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0]!.at(-1)!.session).toBe("hangs");
    for (const [session, versions] of Object.entries(versionsOf(seen[0]!)))
      expect(versions, session).toEqual(versions.map((_, index) => index + 1));
  });
});

describe("The numbering", () => {
  test("goes on where it was cut off in the middle, with no place lost or given twice.", async () => {
    await write("s");
    const lock = await admin.reserve();
    await lock.unsafe(`SELECT pg_advisory_lock(hashtextextended('holdfast.feed."${schema}".', 0))`);
    const cut = stores[0]!.changes({ after: 0 });
    await expect(Promise.all([cut, endWaiting()])).rejects.toMatchObject({ retryable: true });
    await lock.unsafe("SELECT pg_advisory_unlock_all()");
    lock.release();
    await write("s");
    expect(versionsOf((await stores[0]!.changes({ after: 0 })).changes)).toEqual({ s: [1, 2] });
  });

  test("gives thousands that wait their places, however many number at once.", async () => {
    await admin.unsafe(`
      INSERT INTO "${schema}".unnumbered (at_ms, kind, project, session, first_seq)
      SELECT n, 'appended', 'p', 's-' || n % 7, n FROM generate_series(1, 25003) n`);
    const others = await Promise.all([1, 2, 3].map(() => openPostgresStore({ url, connections: 1 })));
    const positions = await Promise.all(
      [...stores, ...others].map(async (store) => (await store.changes({ after: 0, limit: 1 })).position),
    );
    expect(Math.max(...positions)).toBe(25_003);
    const rows = await admin.unsafe(`SELECT seq FROM "${schema}".change WHERE seq <> first_seq`);
    expect(rows).toHaveLength(0);
    expect((await stores[0]!.health({ deep: true })).problems).toEqual([]);
    await Promise.all(others.map((store) => store.close()));
  });

  test("keeps its order where the server's default is another isolation, and no wait for the disk.", async () => {
    const defaults = "&default_transaction_isolation=serializable&synchronous_commit=off";
    const strict = await Promise.all(
      [1, 2, 3].map(() => openPostgresStore({ url: `${url}${defaults}`, connections: 1 })),
    );
    for (let round = 0; round < 10; round += 1) {
      await Promise.all([1, 2, 3].map((n) => write(`s-${n}`)));
      const positions = await Promise.all(
        strict.map(async (store) => (await store.changes({ after: 0 })).position),
      );
      expect(positions).toEqual([1, 2, 3].map(() => (round + 1) * 3));
    }
    await Promise.all(strict.map((store) => store.close()));
  });

  test("is left to others by who may only read, and he reads what has its place.", async () => {
    await write("s");
    await stores[0]!.changes({ after: 0 });
    await write("s");
    const reader = `r_${schema}`;
    await admin.unsafe(`
      CREATE ROLE ${reader} LOGIN PASSWORD 'r'; GRANT USAGE ON SCHEMA "${schema}" TO ${reader};
      GRANT SELECT ON ALL TABLES IN SCHEMA "${schema}" TO ${reader}`);
    const asReader = url.replace("postgres:secret@", `${reader}:r@`);
    for (const readOnly of [asReader, `${url}&default_transaction_read_only=on`]) {
      const store = await openPostgresStore({ url: readOnly, connections: 1 });
      expect((await store.changes({ after: 0 })).changes).toHaveLength(1);
      await store.close();
    }
    expect((await stores[1]!.changes({ after: 0 })).changes).toHaveLength(2);
    await admin.unsafe(`DROP OWNED BY ${reader}; DROP ROLE ${reader}`);
  });
});

/** One change of the session, which says the how manieth it is; the hold is between it and the commit. */
async function write(session: string, hold: () => Promise<void> = async () => {}): Promise<void> {
  const key = { project: "p", session };
  await inSession({ client, now: () => null }, key, async ({ query, lane, now }) => {
    const { version } = lane;
    await recordChange(query, { key, atMs: now, kind: "appended", log: "", from: version, to: version });
    await hold();
  });
}

async function undone(): Promise<void> {
  throw new Error("undone");
}

async function follow(store: Store, total: number): Promise<Change[]> {
  const seen: Change[] = [];
  while (seen.length < total) {
    const { changes } = await store.changes({ after: seen.length, limit: 9 });
    seen.push(...changes);
    await setTimeout(1);
  }
  return seen;
}

function versionsOf(changes: readonly Change[]): Record<string, number[]> {
  const found: Record<string, number[]> = {};
  for (const { session, from } of changes) (found[session] ??= []).push(from!);
  return found;
}

/** Ends who waits for the lock of the feed, once somebody does. */
async function endWaiting(): Promise<void> {
  for (let ended = 0; ended === 0;) {
    const rows = await admin`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE wait_event = 'advisory' AND query LIKE ${`%"${schema}".number_changes(%`}`;
    ended = rows.length;
  }
}

function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
