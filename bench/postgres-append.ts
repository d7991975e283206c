import { randomUUID } from "node:crypto";
import type { Store } from "../src/core/store.ts";
import { openPostgresStore } from "../src/stores/postgres/index.ts";
import { median, ms, type Row, shuffled } from "./measure.ts";
import { makeEntries, toInputs } from "./payload.ts";
import { baselines, connections } from "./postgres-baselines.ts";
import { type BenchServer, benchServer } from "./postgres-server.ts";

/** Appends with dedupe, one session and eight at once, against rows of jsonb through `postgres` (a) and `pg` (b). */
export async function benchPostgresAppend(): Promise<Row[]> {
  const server = await benchServer();
  const store = await openPostgresStore({ url: server.url, connections });
  const others = await baselines(server.url);
  const contenders: Contender[] = [
    { name: "ours", append: (session, entries) => appendTo(store, session, entries) },
    ...others,
  ];
  try {
    const rows: Row[] = [];
    for (const batch of [10, 100])
      for (const sessions of [1, 8]) rows.push(await measure(server, contenders, { batch, sessions }));
    return rows;
  } finally {
    for (const one of [store, ...others]) await one.close();
    await server.stop();
  }
}

interface Contender {
  readonly name: string;
  readonly append: (session: string, entries: readonly object[]) => Promise<void>;
}

interface Load {
  readonly batch: number;
  readonly sessions: number;
}

async function measure(server: BenchServer, contenders: readonly Contender[], load: Load): Promise<Row> {
  const rounds = Math.round(600 / Math.sqrt(load.batch * load.sessions)) + 10;
  const times = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds + 5; round += 1) {
    for (const { name, append } of shuffled(contenders)) {
      const taken = await atOnce(append, load, round);
      // The first rounds open connections and prepare statements.
      if (round >= 5) times.get(name)!.push(...taken);
    }
  }
  const [ours, a, b] = ["ours", "a", "b"].map((name) => median(times.get(name)!));
  return {
    what: `${server.name}: append, batch ${load.batch}, ${load.sessions} at once, p50 of ${times.get("ours")!.length}`,
    ours: ms(ours!),
    limit: `(a) ${ms(a!)}, (b) ${ms(b!)}`,
    ratio: `${(a! / ours!).toFixed(2)} × and ${(b! / ours!).toFixed(2)} × faster`,
    bar: server.hasLz4 ? "2 × than (a)" : "1.6 × than (a)",
  };
}

/** A few appends of each session, all sessions at once; the time of each append. */
async function atOnce(
  append: Contender["append"],
  { batch, sessions }: Load,
  round: number,
): Promise<number[]> {
  const batches = Array.from({ length: sessions }, (_, session) =>
    Array.from({ length: appendsEach }, (__, index) => batchOf(batch, round * 31 + session * 7 + index)),
  );
  const times: number[] = [];
  await Promise.all(
    batches.map(async (own, session) => {
      for (const entries of own) {
        const start = performance.now();
        await append(`b${batch}-of${sessions}-s${session}`, entries);
        times.push(performance.now() - start);
      }
    }),
  );
  return times;
}

const appendsEach = 4;
const drawn = makeEntries({ count: 4000, seed: 11 });

function batchOf(count: number, seed: number): object[] {
  return Array.from({ length: count }, (_, index) => ({
    ...drawn[(seed * 37 + index) % drawn.length],
    uuid: randomUUID(),
  }));
}

async function appendTo(store: Store, session: string, entries: readonly object[]): Promise<void> {
  await store.append({ log: { project: "bench", session, log: "" }, entries: toInputs(entries) });
}
