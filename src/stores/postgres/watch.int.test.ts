import { spawn } from "node:child_process";
import { once } from "node:events";
import postgres from "postgres";
import { afterAll, afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { clientOn } from "../../../test/postgres/client-on.ts";
import { testSchemas } from "../../../test/postgres/schemas.ts";
import type { Store } from "../../core/store.ts";
import type { Client } from "./client.ts";
import { inSession } from "./in-session.ts";
import { openPostgresStore } from "./index.ts";
import { Place } from "./place.ts";
import { recordChange } from "./record-change.ts";
import { Watch } from "./watch.ts";

const schemas = testSchemas();
const admin = postgres(inject("postgresUrl"), { max: 2, onnotice: () => {} });
afterAll(() => admin.end());

const never = 3_600_000;
let url: string;
let schema: string;
let opened: Store[];
let over: AbortController;

beforeEach(() => {
  url = schemas.next();
  schema = new URL(url).searchParams.get("schema")!;
  opened = [];
  over = new AbortController();
});
afterEach(async () => {
  over.abort();
  await Promise.all(opened.map((store) => store.close()));
});

describe("A reader", () => {
  test("is woken by the commit of another store, long before its poll.", async () => {
    const [reader, writer] = [await open(never), await open(never)];
    for (let n = 1; n <= 5; n += 1) {
      const woken = firstOf(reader, n - 1);
      await listener();
      await append(writer, `s-${n}`);
      expect(await woken).toEqual({ position: n });
    }
  });

  test("is woken by each append of a session that the other store knows already.", async () => {
    const [reader, writer] = [await open(never), await open(never)];
    await append(writer, "known");
    for (let n = 2; n <= 6; n += 1) {
      const woken = firstOf(reader, n - 1);
      await listener();
      await append(writer, "known");
      expect(await woken).toEqual({ position: n });
    }
  });

  test("who is refused to listen leaves no connection behind, however often it asks.", async () => {
    await open(never);
    const held = await admin.reserve();
    await held`SELECT pg_advisory_lock(hashtextextended(${`holdfast.watch."${schema}".`}, 0))`;
    const connection = { application_name: schema, lock_timeout: 200 };
    const reader = await openPostgresStore({ url, connections: 1, postgres: { connection } });
    opened.push(reader);
    const waiting = firstOf(reader, 0).catch(() => undefined);
    const pids = new Set<number>();
    // Seen one after the other, as many as were opened.
    while (pids.size < 5) {
      const rows = await admin<{ pid: number }[]>`
        SELECT pid FROM pg_stat_activity WHERE application_name = ${schema}`;
      for (const { pid } of rows) pids.add(pid);
      expect(rows.length).toBeLessThan(4);
    }
    await held`SELECT pg_advisory_unlock_all()`;
    held.release();
    over.abort();
    await waiting;
  });

  test("whose listener was cut off learns what was committed meanwhile, and hears again.", async () => {
    const [reader, writer] = [await open(never), await open(never)];
    for (let n = 1; n <= 3; n += 1) {
      const woken = firstOf(reader, 2 * n - 2);
      const cut = await listener();
      await commitInSilence();
      await admin`SELECT pg_terminate_backend(${cut}, 5000)`;
      expect(await woken).toEqual({ position: 2 * n - 1 });
      const next = firstOf(reader, 2 * n - 1);
      expect(await listener()).not.toBe(cut);
      await append(writer, "heard");
      expect(await next).toEqual({ position: 2 * n });
    }
  });

  test("finds by its poll what a process committed that died before it told of it.", async () => {
    const reader = await open(50);
    const woken = firstOf(reader, 0);
    await listener();
    await commitInSilence();
    expect(await woken).toEqual({ position: 1 });
  });

  test("of many shares one look at the feed with the others.", async () => {
    await open(never);
    const looks = { count: 0 };
    const client = counting(clientOn(url), looks);
    const watch = new Watch({ client, place: new Place({ url: "postgres://test", schema }), pollMs: never });
    const readers = Array.from({ length: 200 }, () => firstOfAll(watch.positions(0, over.signal)));
    await listener();
    const before = looks.count;
    await commitInSilence();
    watch.wake();
    expect(await Promise.all(readers)).toEqual(Array.from({ length: 200 }, () => ({ position: 1 })));
    expect(looks.count - before).toBeLessThan(10);
    await watch.close();
    await client.close();
  });
});

describe("A store that nobody watches", () => {
  test("sends nothing after the appends that it makes on what it knows.", async () => {
    const writer = await open(never);
    await append(writer, "known");
    let heard = 0;
    // The plain listener holds no lock: it hears what is sent, and asks for nothing.
    const ear = await admin.listen(schema, () => (heard += 1));
    for (let n = 1; n <= 20; n += 1) await append(writer, "known");
    await writer.close();
    await admin.notify(schema, "last");
    await expect.poll(() => heard).toBeGreaterThan(0);
    // That of the first append may be under way still.
    expect(heard).toBeLessThanOrEqual(2);
    await ear.unlisten();
  });
});

describe("A store that is watched", () => {
  test("tells of many commits at once by few notifications.", async () => {
    const writer = await open(never);
    let heard = 0;
    const ear = await admin.listen(schema, () => (heard += 1));
    const reader = await open(never);
    await Promise.all(Array.from({ length: 200 }, (_, n) => append(writer, `s-${n % 20}`)));
    await expect.poll(async () => (await reader.changes({ after: 0, limit: 1 })).position).toBe(200);
    await writer.close();
    await expect.poll(() => heard).toBeGreaterThan(0);
    expect(heard).toBeLessThan(120);
    await ear.unlisten();
  });

  test("leaves no connection behind, and ends those who wait, when it closes.", async () => {
    const store = await open(never, "left");
    const waiting = Array.from({ length: 3 }, () => firstOf(store, 0));
    const aborted = firstOf(store, 0, AbortSignal.timeout(50));
    await listener();
    expect(await aborted).toBeUndefined();
    const ended = Promise.allSettled(waiting);
    await store.close();
    for (const end of await ended)
      expect(end).toMatchObject({ status: "rejected", reason: { code: "store_closed" } });
    await expect
      .poll(() => admin`SELECT FROM pg_stat_activity WHERE application_name = ${`${schema}-left`}`)
      .toHaveLength(0);
  });

  test("lets its process end.", async () => {
    await open(never);
    const program = `
      const { openPostgresStore } = await import(${JSON.stringify(import.meta.resolve("./index.ts"))});
      const store = await openPostgresStore({ url: ${JSON.stringify(url)} });
      const log = { project: "p", session: "s", log: "" };
      const over = new AbortController();
      setTimeout(() => over.abort(), 100);
      for await (const _ of store.watch({ after: 0 }, over.signal));
      await store.append({ log, entries: [{ body: "{}" }] });
      await store.close();
      process.stdout.write("closed");`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "pipe" });
    let told = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (told += String(text)));
    const [code] = await once(child, "close");
    expect([told, code]).toEqual(["closed", 0]);
  });
});

async function open(pollMs: number, name = "open"): Promise<Store> {
  const store = await openPostgresStore({
    url,
    pollMs,
    connections: 4,
    postgres: { connection: { application_name: `${schema}-${name}` } },
  });
  opened.push(store);
  return store;
}

async function append(store: Store, session: string): Promise<void> {
  await store.append({ log: { project: "p", session, log: "" }, entries: [{ body: "{}" }] });
}

async function firstOf(store: Store, after: number, signal = over.signal) {
  return firstOfAll(store.watch({ after }, signal));
}

async function firstOfAll<Value>(values: AsyncIterable<Value>): Promise<Value | undefined> {
  for await (const value of values) return value;
  return undefined;
}

/** The server's process of the one who listens, once there is one. */
async function listener(): Promise<number> {
  for (;;) {
    const [row] = await admin<{ pid: number }[]>`
      SELECT pid FROM pg_stat_activity WHERE starts_with(query, ${`LISTEN "${schema}"`}) AND state = 'idle'`;
    if (row !== undefined) return row.pid;
  }
}

async function commitInSilence(): Promise<void> {
  const client = clientOn(url, 1);
  const key = { project: "p", session: "s" };
  await inSession({ client, now: () => null }, key, ({ query, now: atMs }) =>
    recordChange(query, { key, atMs, kind: "appended", log: "", from: 1, to: 1 }),
  );
  await client.close();
}

function counting(client: Client, looks: { count: number }): Client {
  return {
    query: (...statement) => {
      looks.count += 1;
      return client.query(...statement);
    },
    write: (...statement) => client.write(...statement),
    life: client.life,
    writeIn: (life, ...statement) => client.writeIn(life, ...statement),
    transaction: (work) => client.transaction(work),
    script: (sql) => client.script(sql),
    listen: (...given) => client.listen(...given),
    close: () => client.close(),
  };
}
