import { join } from "node:path";
import type { Store } from "../src/core/store.ts";
import { spooled } from "../src/open-spool.ts";
import { openMemoryStore } from "../src/stores/memory/index.ts";
import { openSqliteStore } from "../src/stores/sqlite/index.ts";
import { interleave, ms, type Row } from "./measure.ts";
import { makeEntries, toInputs } from "./payload.ts";

/** Appends that a spool acknowledges, against the SQLite store's own: while the far store answers, and while it is down. */
export async function benchSpool(folder: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const batch of [10, 100])
    for (const remote of ["up", "down"] as const) rows.push(await one(folder, batch, remote));
  return rows;
}

const rounds = 200;

async function one(folder: string, batch: number, remote: "up" | "down"): Promise<Row> {
  const local = openSqliteStore({ path: join(folder, `spool-${batch}-${remote}.db`) });
  const far = farStore(remote);
  const spool = await spooled(far, { dir: join(folder, `spool-${batch}-${remote}`), closeWithinMs: 0 });
  const batches = Array.from({ length: rounds + 1 }, (_, index) =>
    toInputs(makeEntries({ count: batch, seed: index + 1 })),
  );
  const next = { spool: 0, store: 0 };
  const times = await interleave(
    [
      { name: "ours", run: () => appendTo(spool, batches[next.spool++]!) },
      { name: "limit", run: () => appendTo(local, batches[next.store++]!) },
    ],
    rounds,
  );
  if (remote === "up") await spool.drain();
  const { depth, shipped } = spool.status();
  if (depth.entries + shipped !== batch * (rounds + 1)) throw new Error(`spooled ${depth.entries + shipped}`);
  await spool.close();
  await local.close();
  const [ours, limit] = [times.get("ours")!, times.get("limit")!];
  return {
    what: `spooled append, batch ${batch}, the far store ${remote}, p50 of ${rounds}`,
    ours: ms(ours),
    limit: `SQLite store ${ms(limit)}`,
    ratio: `${(ours / limit).toFixed(2)} ×`,
    bar: "1.3 ×",
  };
}

function farStore(remote: "up" | "down"): Store {
  const store = openMemoryStore();
  if (remote === "up") return store;
  return Object.assign(store, { append: () => Promise.reject(new Error("The far store is down.")) });
}

async function appendTo(store: Store, entries: ReturnType<typeof toInputs>): Promise<void> {
  await store.append({ log: { project: "bench", session: "one", log: "" }, entries });
}
