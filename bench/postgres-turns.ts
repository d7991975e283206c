import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import type { Store } from "../src/core/store.ts";
import { openPostgresStore } from "../src/stores/postgres/index.ts";
import { median, printRows, shuffled } from "./measure.ts";
import { benchServer } from "./postgres-server.ts";

const [sessions, turns, rounds] = [32, 40, Number(process.argv[2] ?? 5)];
const counts = [1, 2, 4];

/** Turns of 32 sessions, from their admission to the last commit, by 1, 2 and 4 worker processes on one server. */
const server = await benchServer();
try {
  const rates = new Map<number, number[]>(counts.map((count) => [count, []]));
  for (let round = 0; round < rounds; round += 1)
    for (const count of shuffled(counts)) rates.get(count)!.push(await turnsBy(count, round));
  console.log(`Node ${process.versions.node}, ${server.name}, load average ${loadavg()[0]!.toFixed(1)}\n`);
  printRows(
    counts.map((count) => ({
      what: `turns of ${sessions} sessions at once, ${count} worker processes, 2 entries each`,
      ours: `${Math.round(median(rates.get(count)!))}/s`,
      limit: "-",
      ratio: `${rates.get(count)!.map(Math.round).join(" ")}`,
      bar: count === 4 ? "600/s" : "-",
    })),
  );
} finally {
  await server.stop();
}

async function turnsBy(count: number, round: number): Promise<number> {
  const url = `${server.url}?schema=turns_${count}_${round}`;
  const store = await openPostgresStore({ url });
  const workers = Array.from({ length: count }, (_, index) => begin(url, `worker-${index}`, count));
  await Promise.all(workers.map(async ({ stdout }) => await once(stdout!, "data")));
  const start = performance.now();
  const admitted = Promise.all(
    Array.from({ length: sessions }, (_, session) => admitAll(store, `s${session}`)),
  );
  await Promise.all([admitted, allCommitted(store)]);
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

async function admitAll(store: Store, session: string): Promise<void> {
  const key = { project: "bench", session };
  for (let turn = 0; turn < turns; turn += 1)
    await store.admit({ session: key, key: `${turn}`, body: '{"prompt":""}', provider: "bench" });
}

/** Read from the feed, as whoever waits for an answer does. */
async function allCommitted(store: Store): Promise<void> {
  let [after, committed] = [0, 0];
  for await (const { position } of store.watch({ after }, new AbortController().signal))
    while (after < position) {
      const { changes } = await store.changes({ after, limit: 1000 });
      after = changes.at(-1)!.seq;
      // A claim and a commit tell of the same run.
      committed += changes.filter(({ kind }) => kind === "run").length / 2;
      if (committed === sessions * turns) return;
    }
}
