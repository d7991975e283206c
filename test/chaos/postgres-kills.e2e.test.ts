import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isHoldfastError } from "../../src/core/errors.ts";
import type { Change, Store } from "../../src/core/store.ts";
import { openPostgresStore } from "../../src/stores/postgres/index.ts";
import { type Server, startServer } from "../postgres/server.ts";

const seed = 20_261_122;
const rounds = 9;
let server: Server;
let url: string;

beforeAll(async () => {
  server = await startServer({ flags: ["-c", "fsync=on"] });
  url = `${server.url}?schema=chaos`;
  await (await openPostgresStore({ url })).close();
});
afterAll(() => server.stop());

test(
  "All that was acknowledged is there once, in one order, however often the server dies",
  { timeout: 120_000 },
  async () => {
    const random = seededRandom(seed);
    const workers = ["a", "b", "c", "d"].map((name) => new ChaosWorker(name));
    const readers = [new FeedReader(), new FeedReader()];
    const reading = readers.map((reader) => reader.follow());
    for (let round = 0; round < rounds; round += 1) {
      await Promise.all(workers.map((worker) => worker.acknowledges(10)));
      await setTimeout(random() * 200);
      await [killBackend, () => restart("SIGQUIT"), () => restart("SIGINT")][round % 3]!();
    }
    await Promise.all(workers.map((worker) => worker.acknowledges(5)));
    await Promise.all(workers.map((worker) => worker.end()));

    const store = await openPostgresStore({ url });
    const { position, problems } = await store.health({ deep: true });
    expect(problems).toEqual([]);
    for (const reader of readers) reader.stopAt(position);
    await Promise.all(reading);
    const feed = readers[0]!.seen;
    expect(feed.map(({ seq }) => seq)).toEqual(feed.map((_, index) => index + 1));
    expect(readers[1]!.seen).toEqual(feed);
    const acknowledged = workers.flatMap(({ lines }) => lines);
    for (const session of new Set(acknowledged.map((line) => line.session)))
      await checkSession(store, session, { feed, acknowledged });
    // The server died while something was under way, or this proves nothing.
    const failures = new Set(acknowledged.flatMap((line) => line.failures));
    expect([...failures].toSorted()).toEqual(["outcome_unknown", "store_unreachable"]);
    await store.close();
  },
);

interface Written {
  readonly feed: readonly Change[];
  readonly acknowledged: readonly Line[];
}

async function checkSession(store: Store, session: string, { feed, acknowledged }: Written): Promise<void> {
  const { entries, head } = await store.read({ log: { project: "chaos", session, log: "" } });
  const uuids = entries.map(({ uuid }) => uuid!);
  expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1));
  expect(new Set(uuids).size).toBe(uuids.length);
  const own = acknowledged.filter((line) => line.session === session);
  // Nobody gives up: what is there is what was acknowledged, each batch whole.
  expect(uuids).toHaveLength(own.length * 3);
  for (const { first, to, failures } of own) {
    const at = uuids.indexOf(first);
    expect(uuids.slice(at, at + 3)).toEqual([0, 1, 2].map((index) => first.replace(/0$/, String(index))));
    // After a lost answer the head may be further on.
    if (failures.length === 0) expect(at + 3).toBe(to);
  }
  const ranges = feed.filter((change) => change.session === session);
  expect(ranges.map(({ from }) => from)).toEqual([1, ...ranges.slice(0, -1).map(({ to }) => to! + 1)]);
  expect(ranges.at(-1)!.to).toBe(head);
}

/** Makes the server end all its processes and recover, as after a crash of one of them. */
async function killBackend(): Promise<void> {
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  const rows = await sql<{ pid: number }[]>`
    SELECT pid FROM pg_stat_activity WHERE application_name = 'holdfast' AND backend_type = 'client backend'`;
  process.kill(rows[0]!.pid, "SIGKILL");
  await sql.end({ timeout: 0 });
}

async function restart(signal: "SIGINT" | "SIGQUIT"): Promise<void> {
  await server.shutDown(signal);
  await server.start();
}

interface Line {
  readonly session: string;
  readonly first: string;
  readonly to: number;
  readonly failures: readonly string[];
}

class ChaosWorker {
  readonly lines: Line[] = [];
  readonly #child: ChildProcess;
  readonly #ended = Promise.withResolvers<void>();
  #rest = "";
  #told = "";
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  constructor(name: string) {
    const program = new URL("postgres-worker.ts", import.meta.url).pathname;
    this.#child = spawn(process.execPath, [program, url, name, "3"], { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stdout!.on("data", (data) => this.#take(String(data)));
    this.#child.stderr!.on("data", (data) => (this.#told += String(data)));
    this.#child.on("close", (code) =>
      code === 0
        ? this.#ended.resolve()
        : this.#ended.reject(new Error(`Worker ${name} ended: ${this.#told}`)),
    );
    this.#ended.promise.catch(() => {});
  }

  /** Resolves when so many more batches are acknowledged. */
  async acknowledges(more: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { count: this.lines.length + more, resolve };
    await Promise.race([promise, this.#ended.promise]);
  }

  async end(): Promise<void> {
    this.#child.stdin!.write("stop\n");
    await this.#ended.promise;
  }

  #take(text: string): void {
    const parts = (this.#rest + text).split("\n");
    this.#rest = parts.pop()!;
    this.lines.push(...parts.map((line) => JSON.parse(line) as Line));
    if (this.#waiting !== undefined && this.lines.length >= this.#waiting.count) this.#waiting.resolve();
  }
}

/** Follows the feed on a store of its own, and asks again while the server is away. */
class FeedReader {
  readonly seen: Change[] = [];
  #end = Number.POSITIVE_INFINITY;

  stopAt(position: number): void {
    this.#end = position;
  }

  async follow(): Promise<void> {
    const store = await openPostgresStore({ url, connections: 2 });
    while (this.seen.length < this.#end) {
      try {
        const { changes } = await store.changes({ after: this.seen.length, limit: 50 });
        this.seen.push(...changes);
      } catch (error) {
        if (!isHoldfastError(error) || !error.retryable) throw error;
      }
      await setTimeout(5);
    }
    await store.close();
  }
}

function seededRandom(from: number): () => number {
  let state = from;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
