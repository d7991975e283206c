import { expect } from "vitest";
import { isHoldfastError } from "../../src/core/errors.ts";
import type { SessionKey } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/store.ts";
import type { MirroredStore } from "../../src/runtime/mirrored.ts";

/** Waits until the mirror has caught up, and expects that the secondary then holds what the primary does. */
export async function expectMirrored(mirror: MirroredStore, primary: Store, secondary: Store): Promise<void> {
  expect(await mirror.caughtUp(AbortSignal.timeout(10_000))).toBe(true);
  for (const key of await sessionsOf(primary))
    expect(await contentOf(secondary, key)).toEqual(await contentOf(primary, key));
}

/** Whether a store was closed by its test. */
export async function isClosed(store: Store): Promise<boolean> {
  return await store.projections().then(
    () => false,
    (error: unknown) => isHoldfastError(error) && error.code === "store_closed",
  );
}

/** Every session that the feed tells of. */
async function sessionsOf(store: Store): Promise<readonly SessionKey[]> {
  const found = new Map<string, SessionKey>();
  for (let after = 0; ;) {
    const { changes } = await store.changes({ after, limit: 1000 });
    if (changes.length === 0) return [...found.values()];
    for (const { project, session } of changes)
      found.set(JSON.stringify([project, session]), { project, session });
    after = changes.at(-1)!.seq;
  }
}

async function contentOf(store: Store, key: SessionKey): Promise<unknown> {
  const row = await store.session(key);
  const tombstone = await store.tombstone(key);
  const logs = await store.logs(key);
  return {
    // One that a run alone has made is mirrored with its first entry.
    row: row === null || row.entries === 0 ? null : row,
    tombstone,
    logs: await Promise.all(
      logs.map(async ({ log }) => {
        const { entries, head, committed } = await store.read({ log: { ...key, log } });
        // A log that began anew with the same entries keeps the times that they had.
        return { log, entries: entries.map(({ atMs: _, ...entry }) => entry), head, committed };
      }),
    ),
  };
}
