import type { SessionKey } from "../core/ids.ts";
import type { Input } from "../core/input.ts";
import type { Store } from "../core/store.ts";
import { openRun } from "./attended-input.ts";

/** What each queued input waits for, by its id: in its session one goes after another, whoever is to answer them. */
export async function waitsOf(store: Store, inputs: readonly Input[]): Promise<ReadonlyMap<string, string>> {
  const queued = inputs.filter(({ state }) => state === "queued");
  const bySession = Map.groupBy(queued, ({ project, session }) => JSON.stringify([project, session]));
  const told = new Map<string, string>();
  for (const its of bySession.values()) {
    const { project, session } = its[0]!;
    const first = await nextOf(store, { project, session });
    const reason = await waitOf(store, { project, session }, first);
    for (const { id } of its)
      told.set(id, first === undefined || first.id === id ? reason : `input ${first.id}`);
  }
  return told;
}

async function nextOf(store: Store, session: SessionKey): Promise<Input | undefined> {
  const queued = await store.inputs({ session, state: "queued", limit: 1000 });
  // They come newest first.
  return queued.toReversed().toSorted((a, b) => b.priority - a.priority)[0];
}

async function waitOf(store: Store, session: SessionKey, first: Input | undefined): Promise<string> {
  const open = await openRun(store, session);
  if (open !== undefined) return `run ${open.id}${open.state === "held" ? ", held" : ""}`;
  const lease = await store.lease(session);
  if (lease !== null) return lease.owner;
  return `a worker of ${first?.provider ?? "its provider"}`;
}
