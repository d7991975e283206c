import { join } from "node:path";
import { eventEntry, type RunEvent } from "../src/core/event.ts";
import { eventLog } from "../src/core/run.ts";
import type { Store } from "../src/core/store.ts";
import { reconcile } from "../src/runtime/reconcile.ts";
import { Worker } from "../src/runtime/worker.ts";
import { openSqliteStore } from "../src/stores/sqlite/index.ts";
import { interleave, median, ms, type Row } from "./measure.ts";
import { saying, small } from "./turn.ts";

const allEvents = 5000;
const rounds = 15;

/** What a run shows again of one that was interrupted: its first event and all of them, and what a run pays that has nothing to show. */
export async function benchReplay(folder: string): Promise<Row[]> {
  return [...(await ofManyEvents(folder)), await ofNothing(folder)];
}

async function ofManyEvents(folder: string): Promise<Row[]> {
  let aheadMs = 0;
  const store = openSqliteStore({
    path: join(folder, "replay.db"),
    clock: { now: () => Date.now() + aheadMs },
  });
  const [first, all]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    const session = `s${round}`;
    await interrupted(store, session);
    aheadMs += leaseMs;
    await reconcile({ store, owner: "bench" });
    const start = performance.now();
    let count = 0;
    const onReplay = (): void => {
      // The first one of all is the marker.
      if (count === 1) first.push(performance.now() - start);
      if (count === allEvents) all.push(performance.now() - start);
      count += 1;
    };
    await new Worker({ store, agents: [saying(small)], owner: "bench", session, onReplay }).drain();
    if (count !== allEvents + 1) throw new Error(`showed ${count} events again`);
  }
  await store.close();
  const row = (what: string, times: readonly number[], bar: string): Row => {
    const time = ms(median(times));
    return { what: `${what}, p50 of ${rounds}`, ours: time, limit: "-", ratio: time, bar };
  };
  return [
    row(`replay of ${allEvents} events: the first one, with the claim`, first, "20 ms"),
    row(`replay of ${allEvents} events: all of them`, all, "-"),
  ];
}

/** A turn in a session that goes well, beside the first turn of a new one, which asks for no runs. */
async function ofNothing(folder: string): Promise<Row> {
  const store = openSqliteStore({ path: join(folder, "no-replay.db") });
  let turns = 0;
  const turn = async (session: string): Promise<void> => {
    turns += 1;
    await admit(store, session, `${turns}`);
    await new Worker({ store, agents: [saying(small)], owner: "bench", session }).drain();
  };
  const times = await interleave(
    [
      { name: "old", run: () => turn("old") },
      { name: "new", run: () => turn(`new ${turns}`) },
    ],
    200,
  );
  await store.close();
  const [settled, fresh] = [times.get("old")!, times.get("new")!];
  return {
    what: "turn of 2 entries with nothing to show again, p50 of 200",
    ours: ms(settled),
    limit: `the first turn of a session ${ms(fresh)}`,
    ratio: `${(settled / fresh).toFixed(2)} ×`,
    bar: "-",
  };
}

const leaseMs = 60_000;

async function interrupted(store: Store, session: string): Promise<void> {
  await admit(store, session, "k");
  const { run, lease } = (await store.claim({ worker: "w", leaseMs, session }))!;
  const event = (n: number): RunEvent => ({ type: "assistant", text: `${n} ${"word ".repeat(30)}` });
  const entries = Array.from({ length: allEvents }, (_, n) => eventEntry({ run: run.id, event: event(n) }));
  const log = { project: "bench", session, log: eventLog(run.id) };
  for (let at = 0; at < allEvents; at += 100)
    await store.append({ log, entries: entries.slice(at, at + 100), fence: lease, run: run.id });
}

async function admit(store: Store, session: string, key: string): Promise<void> {
  await store.admit({
    session: { project: "bench", session },
    key,
    body: '{"prompt":""}',
    provider: "bench",
  });
}
