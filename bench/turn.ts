import { closeSync, fdatasyncSync, openSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Agent } from "../src/core/agent.ts";
import type { EntryInput } from "../src/core/entry.ts";
import type { Store } from "../src/core/store.ts";
import { Worker } from "../src/runtime/worker.ts";
import { openSqliteStore } from "../src/stores/sqlite/index.ts";
import { interleave, median, ms, type Row } from "./measure.ts";
import { makeEntries, toInputs } from "./payload.ts";

const turnEntries = 20;

/** Whole turns through a worker: one at a time against the same bytes in four synced writes, and 32 sessions at once. */
export async function benchTurn(folder: string): Promise<Row[]> {
  return [await oneTurn(folder), await manySessions(folder), ...(await longSession(folder))];
}

async function oneTurn(folder: string): Promise<Row> {
  const rounds = 200;
  const store = openSqliteStore({ path: join(folder, "turn.db") });
  const file = openSync(join(folder, "turn.jsonl"), "w");
  const turns = Array.from({ length: rounds + 1 }, (_, n) =>
    makeEntries({ count: turnEntries, seed: n + 1 }),
  );
  const next = { store: 0, file: 0 };
  const times = await interleave(
    [
      { name: "ours", run: () => runTurn(store, "one", next.store, toInputs(turns[next.store++]!)) },
      { name: "limit", run: () => writeFourTimes(file, turns[next.file++]!) },
    ],
    rounds,
  );
  closeSync(file);
  const { revision } = (await store.session({ project: "bench", session: "one" }))!;
  if (revision !== rounds + 1) throw new Error(`committed ${revision} turns`);
  await store.close();
  const [ours, limit] = [times.get("ours")!, times.get("limit")!];
  return {
    what: `turn of ${turnEntries} entries (admit, claim, entries, commit), p50 of ${rounds}`,
    ours: ms(ours),
    limit: `4 × write + fdatasync ${ms(limit)}`,
    ratio: `${(ours / limit).toFixed(2)} ×`,
    bar: "1.5 ×",
  };
}

async function manySessions(folder: string): Promise<Row> {
  const [sessions, each] = [32, 20];
  const rates: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const store = openSqliteStore({ path: join(folder, `turns-${round}.db`) });
    let left = sessions * each;
    const done = Promise.withResolvers<void>();
    const onEnd = (): void => void ((left -= 1) === 0 && done.resolve());
    const worker = new Worker({ store, agents: [saying(small)], owner: "bench", maxRuns: sessions, onEnd });
    const working = worker.run();
    const start = performance.now();
    await Promise.all(
      Array.from({ length: sessions }, async (_, session) => {
        for (let n = 0; n < each; n += 1) await admit(store, `s${session}`, n);
      }),
    );
    await done.promise;
    rates.push((sessions * each * 1000) / (performance.now() - start));
    const { length: committed } = await store.inputs({ state: "consumed", limit: 1000 });
    if (committed !== sessions * each) throw new Error(`committed ${committed} turns`);
    await worker.stop();
    await working;
    await store.close();
  }
  const rate = `${Math.round(median(rates))}/s`;
  return {
    what: `turns of ${sessions} sessions at once, one worker, 2 entries each`,
    ours: rate,
    limit: "-",
    ratio: rate,
    bar: "1500/s",
  };
}

async function longSession(folder: string): Promise<Row[]> {
  const path = join(folder, "long.db");
  const store = openSqliteStore({ path });
  const times: number[] = [];
  let bytes = 0;
  for (let turn = 0; turn < 1000; turn += 1) {
    const entries = toInputs(makeEntries({ count: turnEntries, seed: turn + 1 }));
    if (turn < 200) for (const { body } of entries) bytes += Buffer.byteLength(body);
    const start = performance.now();
    await runTurn(store, "long", turn, entries);
    times.push(performance.now() - start);
    if (turn === 199) await store.close();
    if (turn === 199) break;
  }
  const stored = statSync(path).size;
  const growing = await growth(folder);
  return [
    {
      what: "cost of a turn at turn 1,000, p50 of 40",
      ours: ms(growing.late),
      limit: `the first 40 turns ${ms(growing.early)}`,
      ratio: `${(growing.late / growing.early).toFixed(2)} ×`,
      bar: "1.2 ×",
    },
    {
      what: "200 turns of 20 entries, bytes stored",
      ours: `${(stored / 1e6).toFixed(1)} MB`,
      limit: `their entries ${(bytes / 1e6).toFixed(1)} MB`,
      ratio: `${(stored / bytes).toFixed(2)} ×`,
      bar: "1.3 ×",
    },
  ];
}

/** A new session beside one of a thousand turns, in turn, so that the same minute is compared. */
async function growth(folder: string): Promise<{ readonly early: number; readonly late: number }> {
  const store = openSqliteStore({ path: join(folder, "growth.db") });
  const entries = toInputs(makeEntries({ count: turnEntries, seed: 7 })).map(({ body }) => ({ body }));
  for (let turn = 0; turn < 1000; turn += 1) await runTurn(store, "old", turn, entries);
  const next = { old: 1000, young: 0 };
  const times = await interleave(
    [
      { name: "late", run: () => runTurn(store, "old", next.old++, entries) },
      { name: "early", run: () => runTurn(store, "young", next.young++, entries) },
    ],
    40,
  );
  await store.close();
  return { early: times.get("early")!, late: times.get("late")! };
}

async function runTurn(
  store: Store,
  session: string,
  turn: number,
  entries: readonly EntryInput[],
): Promise<void> {
  await admit(store, session, turn);
  await new Worker({ store, agents: [saying(entries)], owner: "bench", session }).drain();
}

async function admit(store: Store, session: string, turn: number): Promise<void> {
  const key = { project: "bench", session };
  await store.admit({ session: key, key: `${turn}`, body: '{"prompt":""}', provider: "bench" });
}

export const small: readonly EntryInput[] = [{ body: '{"type":"user"}' }, { body: '{"type":"assistant"}' }];

/** An agent that gives these entries and is done. */
export function saying(entries: readonly EntryInput[]): Agent {
  return {
    name: "bench",
    provider: "bench",
    capabilities: { resume: false, fork: false, nativeHistory: false, usage: false, partialText: false },
    async *run() {
      for (const entry of entries) yield { kind: "entry", log: "", entry };
      yield { kind: "event", event: { type: "result", ok: true, text: "" } };
    },
  };
}

function writeFourTimes(file: number, entries: readonly object[]): void {
  const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`);
  for (const part of [lines.slice(0, 1), lines.slice(1, 2), lines.slice(2), ['{"committed":true}\n']]) {
    writeSync(file, part.join(""));
    fdatasyncSync(file);
  }
}
