import { join } from "node:path";
import type { Store } from "../src/core/store.ts";
import { openSqliteStore } from "../src/stores/sqlite/index.ts";
import { median, ms, type Row } from "./measure.ts";

/** A page of 50 among 10,000 and among 100,000 sessions, and the tail of a long session. */
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
  return [...rows, await tail(folder)];
}

async function tail(folder: string): Promise<Row> {
  const store = openSqliteStore({ path: join(folder, "tail.db") });
  const body = JSON.stringify({ type: "user", text: "x".repeat(2000) });
  const log = { project: "p", session: "long", log: "" };
  await store.append({
    log,
    entries: Array.from({ length: 45_000 }, (_, index) => ({ body, uuid: `u${index}` })),
  });
  const time = await p50(() => store.read({ log, order: "desc", limit: 50 }));
  await store.close();
  return {
    what: "45,000-line session at its tail, 50 entries",
    ours: ms(time),
    limit: "-",
    ratio: ms(time),
    bar: "20 ms",
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
