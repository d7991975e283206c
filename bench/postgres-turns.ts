import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Store } from "../src/core/store.ts";
import { openPostgresStore } from "../src/stores/postgres/index.ts";
import { median, type Row, shuffled } from "./measure.ts";
import { benchServer } from "./postgres-server.ts";

const [sessions, turns, rounds] = [32, 60, 3];
/** Each connection plans each statement some times before it keeps a plan. */
const warmUp = 15;
const counts = [1, 2, 4];

/** Turns of 32 sessions, from their admission to the last commit, by 1, 2 and 4 worker processes on one server. */
export async function benchPostgresTurns(): Promise<Row[]> {
  const server = await benchServer();
  try {
    const rates = new Map<number, number[]>(counts.map((count) => [count, []]));
    for (let round = 0; round < rounds; round += 1)
      for (const count of shuffled(counts))
        rates.get(count)!.push(await turnsBy(`${server.url}?schema=turns_${count}_${round}`, count));
    return counts.map((count) => ({
      what: `turns of ${sessions} sessions at once, ${count} worker processes, 2 entries each, ${server.name}`,
      ours: `${Math.round(median(rates.get(count)!))}/s`,
      limit: "-",
      ratio: `${(median(rates.get(count)!) / median(rates.get(1)!)).toFixed(2)} × of one`,
      bar: count === 4 ? "600/s" : "-",
    }));
  } finally {
    await server.stop();
  }
}

async function turnsBy(url: string, count: number): Promise<number> {
  const store = await openPostgresStore({ url });
  const workers = Array.from({ length: count }, (_, index) => begin(url, `worker-${index}`, count));
  await Promise.all(workers.map(async ({ stdout }) => await once(stdout!, "data")));
  await play(store, "warm", warmUp);
  const start = performance.now();
  await play(store, "turn", turns);
  const rate = (sessions * turns * 1000) / (performance.now() - start);
  await Promise.all(workers.map(end));
  await store.close();
  return rate;
}

function begin(url: string, owner: string, count: number): ChildProcess {
  const script = fileURLToPath(new URL("turn-process.ts", import.meta.url));
  return spawn(process.execPath, [script, url, owner, String(sessions / count)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
}

async function end(worker: ChildProcess): Promise<void> {
  const ended = once(worker, "exit");
  worker.stdin!.end();
  await ended;
}

async function play(store: Store, name: string, count: number): Promise<void> {
  const { position } = await store.changes({ after: 0, limit: 1 });
  const each = Array.from({ length: sessions }, (_, session) => admitAll(store, `s${session}`, name, count));
  await Promise.all([...each, committed(store, position, count)]);
}

async function admitAll(store: Store, session: string, name: string, count: number): Promise<void> {
  const key = { project: "bench", session };
  for (let turn = 0; turn < count; turn += 1)
    await store.admit({ session: key, key: `${name} ${turn}`, body: '{"prompt":""}', provider: "bench" });
}

/** Read from the feed, as whoever waits for an answer does. */
async function committed(store: Store, from: number, count: number): Promise<void> {
  let [after, told] = [from, 0];
  for await (const { position } of store.watch({ after }, new AbortController().signal))
    while (after < position) {
      const { changes } = await store.changes({ after, limit: 1000 });
      after = changes.at(-1)!.seq;
      // A claim and a commit tell of the same run.
      told += changes.filter(({ kind }) => kind === "run").length / 2;
      if (told === sessions * count) return;
    }
}
