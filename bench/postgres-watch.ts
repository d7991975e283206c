import { type ChildProcess, spawn } from "node:child_process";
import postgres from "postgres";
import type { Store } from "../src/core/store.ts";
import { openPostgresStore } from "../src/stores/postgres/index.ts";
import { median, ms, type Row } from "./measure.ts";
import { makeEntries, toInputs } from "./payload.ts";
import { benchServer } from "./postgres-server.ts";

/** From an append to the reader of another process, and what a NOTIFY inside each writing transaction would cost. */
export async function benchPostgresWatch(): Promise<Row[]> {
  const server = await benchServer();
  try {
    return [await wakes(server.url, server.name), await notifies(server.url, server.name)];
  } finally {
    await server.stop();
  }
}

const rounds = 300;

async function wakes(url: string, name: string): Promise<Row> {
  const store = await openPostgresStore({ url, connections: 2 });
  const follower = new Follower(url);
  const [sent, acknowledged]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    const heard = follower.next();
    sent.push(now());
    await append(store, round);
    acknowledged.push(now());
    await heard;
  }
  await store.close();
  await follower.end();
  const since = (starts: readonly number[]) =>
    follower.times.slice(20).map((time, index) => time - starts[index + 20]!);
  const [fromCall, fromAck] = [since(sent), since(acknowledged)];
  return {
    what: `${name}: append to the reader of another process, p50 of ${fromAck.length}`,
    ours: `${ms(median(fromCall))} from the call, ${ms(median(fromAck))} from its acknowledgement`,
    limit: `p95 ${ms(fromAck.toSorted((a, b) => a - b)[Math.floor(fromAck.length * 0.95)]!)}`,
    ratio: "",
    bar: "1.5 ms from the acknowledgement",
  };
}

async function append(store: Store, seed: number): Promise<void> {
  const [entry] = makeEntries({ count: 1, seed });
  await store.append({
    log: { project: "bench", session: "watched", log: "" },
    entries: toInputs([entry!]),
  });
}

/** Of this machine, for two of its processes. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A process that watches, and tells when it was woken. */
class Follower {
  readonly times: number[] = [];
  readonly #child: ChildProcess;
  #waiting: (() => void) | undefined;

  constructor(url: string) {
    const index = new URL("../src/stores/postgres/index.ts", import.meta.url).href;
    const program = `
      const { openPostgresStore } = await import(${JSON.stringify(index)});
      const store = await openPostgresStore({ url: ${JSON.stringify(url)}, connections: 2 });
      const over = new AbortController();
      process.stdin.on("end", () => over.abort()).resume();
      for await (const _ of store.watch({ after: 0 }, over.signal))
        console.log(performance.timeOrigin + performance.now());
      await store.close();`;
    this.#child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout!.on("data", (data) => {
      this.times.push(...String(data).trim().split("\n").map(Number));
      this.#waiting?.();
    });
  }

  async next(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = resolve;
    await promise;
  }

  async end(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#child.on("close", () => resolve());
    this.#child.stdin!.end();
    await promise;
  }
}

const writers = 16;
const windowMs = 3000;

async function notifies(url: string, name: string): Promise<Row> {
  const sql = postgres(url, { max: writers, onnotice: () => {} });
  await sql.unsafe("CREATE TABLE plain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text)");
  const without = await commitsPerSecond(sql, "");
  const within = await commitsPerSecond(sql, "PERFORM pg_notify('plain', '');");
  await sql.end();
  return {
    what: `${name}: commits a second of ${writers} writers, notified on their own`,
    ours: `${Math.round(without)}`,
    limit: `NOTIFY in each ${Math.round(within)}`,
    ratio: `${(without / within).toFixed(2)} ×`,
    bar: "why they are",
  };
}

async function commitsPerSecond(sql: postgres.Sql, notify: string): Promise<number> {
  const statement = `DO $$ BEGIN INSERT INTO plain (body) VALUES (repeat('x', 300)); ${notify} END $$`;
  let count = 0;
  const endMs = performance.now() + windowMs;
  await Promise.all(
    Array.from({ length: writers }, async () => {
      for (; performance.now() < endMs; count += 1) await sql.unsafe(statement);
    }),
  );
  return (count * 1000) / windowMs;
}
