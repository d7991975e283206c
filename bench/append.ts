import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../src/core/store.ts";
import { openSqliteStore } from "../src/stores/sqlite/index.ts";
import { interleave, ms, type Row } from "./measure.ts";
import { makeEntries, toInputs } from "./payload.ts";

/** Durable appends with dedupe in one session, against stringify + write + fdatasync of the same bytes. */
export async function benchAppend(folder: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [batch, bar, rounds] of [
    [10, 1.35, 300],
    [100, 1.6, 120],
  ] as const)
    rows.push(await one(folder, batch, bar, rounds));
  return rows;
}

async function one(folder: string, batch: number, bar: number, rounds: number): Promise<Row> {
  const store = openSqliteStore({ path: join(folder, `append-${batch}.db`) });
  const file = openSync(join(folder, `append-${batch}.jsonl`), "w");
  const batches = Array.from({ length: rounds + 1 }, (_, index) =>
    makeEntries({ count: batch, seed: index + 1 }),
  );
  const next = { store: 0, file: 0 };
  const times = await interleave(
    [
      { name: "ours", run: () => appendTo(store, batches[next.store++]!) },
      { name: "limit", run: () => writeTo(file, batches[next.file++]!) },
    ],
    rounds,
  );
  closeSync(file);
  const { mainHead } = (await store.session(key))!;
  if (mainHead !== batch * (rounds + 1)) throw new Error(`stored ${mainHead} entries`);
  await store.close();
  const [ours, limit] = [times.get("ours")!, times.get("limit")!];
  return {
    what: `durable append, batch ${batch}, p50 of ${rounds}`,
    ours: ms(ours),
    limit: `write + fdatasync ${ms(limit)}`,
    ratio: `${(ours / limit).toFixed(2)} ×`,
    bar: `${bar} ×`,
  };
}

const key = { project: "bench", session: "one" };

async function appendTo(store: Store, entries: readonly object[]): Promise<void> {
  await store.append({ log: { ...key, log: "" }, entries: toInputs(entries) });
}

function writeTo(file: number, entries: readonly object[]): void {
  writeSync(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  fdatasyncSync(file);
}
