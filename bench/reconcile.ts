import { join } from "node:path";
import { eventEntry, type RunEvent } from "../src/core/event.ts";
import { type Claim, eventLog } from "../src/core/run.ts";
import type { Store } from "../src/core/store.ts";
import { reconcile } from "../src/runtime/reconcile.ts";
import { openSqliteStore } from "../src/stores/sqlite/index.ts";
import { median, ms, type Row } from "./measure.ts";
import { makeEntries, toInputs } from "./payload.ts";

const allRuns = 10_000;
const left = 100;
const rounds = 7;

/** Recovery of 100 runs that were left with 20 entries each, half of them done, among 10,000 that have ended or are live. */
export async function benchReconcile(folder: string): Promise<Row[]> {
  return [await one(folder, "ended"), await one(folder, "live")];
}

async function one(folder: string, others: "ended" | "live"): Promise<Row> {
  let aheadMs = 0;
  const clock = { now: () => Date.now() + aheadMs };
  const store = openSqliteStore({ path: join(folder, `reconcile-${others}.db`), clock });
  for (let at = 0; at < allRuns - left; at += 300)
    await inParallel(Math.min(300, allRuns - left - at), async (n) => {
      const claim = await begin(store, `o${at + n}`, dayMs);
      if (others === "ended") await commit(store, claim);
    });
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await inParallel(left, async (n) => await leave(store, await begin(store, `r${round}-${n}`, 60_000), n));
    aheadMs += 60_000;
    const start = performance.now();
    const report = await reconcile({ store, owner: "bench" });
    times.push(performance.now() - start);
    const results = report.runs.filter(({ result }) => result === "committed" || result === "interrupted");
    if (results.length !== left) throw new Error(`recovered ${results.length} runs`);
  }
  await store.close();
  return {
    what: `recovery of ${left} runs with 20 entries each, ${allRuns - left} others ${others}, p50 of ${rounds}`,
    ours: ms(median(times)),
    limit: "-",
    ratio: ms(median(times)),
    bar: "1,000 ms",
  };
}

const dayMs = 86_400_000;

async function begin(store: Store, session: string, leaseMs: number): Promise<Claim> {
  const key = { project: "bench", session };
  await store.admit({ session: key, key: "k", body: '{"prompt":"x"}', provider: "scripted" });
  return (await store.claim({ worker: "w", leaseMs, session }))!;
}

async function commit(store: Store, { run, lease }: Claim): Promise<void> {
  const session = { project: run.project, session: run.session };
  await store.commit({ session, run: run.id, epoch: lease.epoch, parts: [], outcome: "{}" });
}

async function leave(store: Store, claim: Claim, n: number): Promise<void> {
  const entries = toInputs(makeEntries({ count: 10, seed: n }));
  const event = (text: string): RunEvent => ({ type: "assistant", text });
  const events = Array.from({ length: 9 }, (_, index) => event(`${index}`));
  const last: RunEvent = n % 2 === 0 ? { type: "result", ok: true, text: "Done." } : event("More.");
  const { run } = claim;
  await stage(store, claim, "", entries);
  const all = [...events, last].map((one) => eventEntry({ run: run.id, event: one }));
  await stage(store, claim, eventLog(run.id), all);
}

async function stage(store: Store, { run, lease }: Claim, log: string, entries: readonly { body: string }[]) {
  const key = { project: run.project, session: run.session, log };
  await store.append({ log: key, entries, fence: { epoch: lease.epoch }, run: run.id });
}

async function inParallel(count: number, task: (n: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, n) => task(n)));
}
