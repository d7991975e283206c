import { join } from "node:path";
import type { Store } from "../src/core/store.ts";
import { openSqliteStore } from "../src/stores/sqlite/index.ts";
import { interleave, ms, type Row } from "./measure.ts";

const stored = 1_000_000;
const sessions = 5_000;

/** An append of 10 entries to a store that holds 1,000,000, against one that holds none. */
export async function benchGrowth(folder: string): Promise<Row[]> {
  const full = openSqliteStore({ path: join(folder, "full.db") });
  const empty = openSqliteStore({ path: join(folder, "empty.db") });
  for (let at = 0; at < stored; at += 20_000)
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => appendTo(full, (at / 200 + index) % sessions, 200)),
    );
  const next = { full: 0, empty: 0 };
  const times = await interleave(
    [
      { name: "ours", run: () => appendTo(full, (next.full += 1) % sessions, 10) },
      { name: "limit", run: () => appendTo(empty, (next.empty += 1) % sessions, 10) },
    ],
    400,
  );
  await full.close();
  await empty.close();
  const [ours, limit] = [times.get("ours")!, times.get("limit")!];
  return [
    {
      what: "append of 10 with 1,000,000 stored",
      ours: ms(ours),
      limit: `empty store ${ms(limit)}`,
      ratio: `${(ours / limit).toFixed(2)} ×`,
      bar: "1.4 ×",
    },
  ];
}

let made = 0;

async function appendTo(store: Store, session: number, count: number): Promise<void> {
  const entries = Array.from({ length: count }, () => {
    made += 1;
    return {
      uuid: `00000000-0000-4000-8000-${String(made).padStart(12, "0")}`,
      body: JSON.stringify({ type: "user", n: made, text: "x".repeat(700) }),
    };
  });
  await store.append({ log: { project: "bench", session: `s${session}`, log: "" }, entries });
}
