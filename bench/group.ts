import { join } from "node:path";
import type { Store } from "../src/core/store.ts";
import { openSqliteStore } from "../src/stores/sqlite/index.ts";
import { interleave, type Row } from "./measure.ts";
import { makeEntries, toInputs } from "./payload.ts";

const sessions = 32;
const each = 20;

/** One-entry durable appends from 32 sessions at once, against the same appends with a transaction each. */
export async function benchGroup(folder: string): Promise<Row[]> {
  const grouped = openSqliteStore({ path: join(folder, "grouped.db") });
  const single = openSqliteStore({ path: join(folder, "single.db") });
  const bodies = toInputs(makeEntries({ count: each, seed: 3 })).map(({ body }) => body);
  const times = await interleave(
    [
      { name: "ours", run: () => atOnce(grouped, bodies) },
      { name: "limit", run: () => oneByOne(single, bodies) },
    ],
    7,
  );
  await grouped.close();
  await single.close();
  const rate = (name: string): number => Math.round((sessions * each * 1000) / times.get(name)!);
  return [
    {
      what: `1-entry durable appends, ${sessions} sessions at once`,
      ours: `${rate("ours")}/s`,
      limit: `a transaction each ${rate("limit")}/s`,
      ratio: `${(rate("ours") / rate("limit")).toFixed(1)} ×`,
      bar: "5 ×",
    },
  ];
}

async function atOnce(store: Store, bodies: readonly string[]): Promise<void> {
  const writers = Array.from({ length: sessions }, async (_, session) => {
    for (const body of bodies) await appendOne(store, session, body);
  });
  await Promise.all(writers);
}

async function oneByOne(store: Store, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) {
    for (let session = 0; session < sessions; session += 1) await appendOne(store, session, body);
  }
}

async function appendOne(store: Store, session: number, body: string): Promise<void> {
  await store.append({ log: { project: "bench", session: `s${session}`, log: "" }, entries: [{ body }] });
}
