import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { eventEntry, type RunEvent } from "../../src/core/event.ts";
import { eventLog, type Run } from "../../src/core/run.ts";
import type { SessionKey } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/store.ts";
import { openStore } from "../../src/open-store.ts";
import type { Home } from "./home.ts";

/** A line of a run's log that is no event: nobody but an operator may decide about the run. */
export const damaged = "damaged";

/** Uses the store of a machine. */
export async function withStoreOf<T>(home: Home, use: (store: Store) => Promise<T>): Promise<T> {
  mkdirSync(dirname(home.database), { recursive: true });
  const store = await openStore(`sqlite:${home.database}`);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/** Leaves a run as a worker does that is killed: with what it has staged, and its lease gone. */
export async function leaveRun(
  home: Home,
  session: SessionKey,
  ...events: readonly (RunEvent | typeof damaged)[]
): Promise<Run> {
  return await withStoreOf(home, async (store) => {
    const body = JSON.stringify({ prompt: "say it" });
    await store.admit({ session, key: `left ${Date.now()}`, body, provider: "scripted" });
    const claim = await store.claim({ worker: "w1", leaseMs: 60_000, session: session.session });
    const { run, lease } = claim!;
    const entries = events.map((event) =>
      event === damaged ? { body: '{"type":"assistant","text":5}' } : eventEntry({ run: run.id, event }),
    );
    const log = { ...session, log: eventLog(run.id) };
    if (entries.length > 0) await store.append({ log, entries, fence: lease, run: run.id });
    await store.releaseLease({ session, epoch: lease.epoch });
    return run;
  });
}
