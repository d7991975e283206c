import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { tailInOrder } from "../src/core/reading-order.ts";
import type { Store } from "../src/core/store.ts";
import { openSqliteStore } from "../src/stores/sqlite/index.ts";
import { median, ms, type Row } from "./measure.ts";

/** Pages of the catalogue, the tail of a long session, and the whole catalogue of a big store. */
export async function benchList(folder: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const count of [10_000, 100_000]) {
    const store = openSqliteStore({ path: join(folder, `list-${count}.db`) });
    await fill(store, count);
    const all = await p50(() => store.sessions({ limit: 50 }));
    const one = await p50(() => store.sessions({ filter: { project: "p7" }, limit: 50 }));
    await store.close();
    rows.push({
      what: `page of 50 among ${count} sessions`,
      ours: `${ms(all)}; one project ${ms(one)}`,
      limit: "-",
      ratio: ms(Math.max(all, one)),
      bar: "1 ms",
    });
  }
  return [...rows, await tail(folder), await whole(folder)];
}

async function tail(folder: string): Promise<Row> {
  const store = openSqliteStore({ path: join(folder, "tail.db") });
  const body = JSON.stringify({ type: "user", text: "x".repeat(2000) });
  const log = { project: "p", session: "long", log: "" };
  await store.append({
    log,
    entries: Array.from({ length: 45_000 }, (_, index) => ({ body, uuid: `u${index}` })),
  });
  const time = await p50(() => tailInOrder(store, log, 50));
  await store.close();
  return {
    what: "45,000-line session at its tail, 50 entries",
    ours: ms(time),
    limit: "-",
    ratio: ms(time),
    bar: "20 ms",
  };
}

async function whole(folder: string): Promise<Row> {
  const path = join(folder, "whole.db");
  const store = openSqliteStore({ path });
  const body = JSON.stringify({ type: "user", text: "x".repeat(10_300) });
  const entries = Array.from({ length: 40 }, () => ({ body }));
  for (let session = 0; session < 2663; session += 1)
    await store.append({ log: { project: "p", session: `s${session}`, log: "" }, entries });
  await store.close();
  const child = spawnSync(process.execPath, [join(import.meta.dirname, "list-child.ts"), path], {
    encoding: "utf8",
  });
  const listed = JSON.parse(child.stdout) as Record<"sessions" | "firstMs" | "medianMs" | "rssMb", number>;
  if (listed.sessions !== 2663) throw new Error(`listed ${listed.sessions} sessions`);
  return {
    what: "all of 2,663 sessions that hold 1.1 GB",
    ours: `first ${ms(listed.firstMs)}, then ${ms(listed.medianMs)}`,
    limit: "-",
    ratio: `${ms(listed.medianMs)}, ${Math.round(listed.rssMb)} MB`,
    bar: "5 ms, 150 MB",
  };
}

async function fill(store: Store, count: number): Promise<void> {
  for (let at = 0; at < count; at += 1000) {
    await Promise.all(
      Array.from({ length: 1000 }, (_, index) =>
        store.append({
          log: { project: `p${index % 20}`, session: `s${at + index}`, log: "" },
          entries: [{ body: '{"type":"user"}' }],
        }),
      ),
    );
  }
}

async function p50(run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 60; round += 1) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  return median(times);
}
