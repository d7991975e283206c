import { sessionsRunHere } from "../agents/claude/sessions-run-here.ts";
import type { SessionKey } from "../core/ids.ts";
import type { SessionRow, Store } from "../core/store.ts";

/** The project in which a session of the disk belongs, and what the store knows of it there. */
export interface Home {
  readonly project: string;
  /** `run`: an agent of the store has run it, under another name. */
  readonly state: "held" | "removed" | "run" | "new";
}

/**
 * Tells for sessions named after their folders where the store has them: a mirror with a fixed project, or an import
 * with `--project`, put them elsewhere. The folder's own project goes first, then the newest that holds the session.
 */
export async function homesOf(
  store: Store,
  sessions: readonly SessionKey[],
): Promise<(session: SessionKey) => Home> {
  const homes = new Map<string, Home>();
  for (const { project, session } of sessions) {
    const id = idOf({ project, session });
    if (!homes.has(id)) homes.set(id, await homeOf(store, { project, session }));
  }
  const unknown = new Set<string>();
  for (const { project, session } of sessions)
    if (homes.get(idOf({ project, session }))?.state === "new") unknown.add(session);
  const runHere = await sessionsRunHere(store, unknown);
  for (const { project, session } of sessions) {
    const id = idOf({ project, session });
    const run = runHere.get(session);
    if (run !== undefined && homes.get(id)?.state === "new") homes.set(id, { ...run, state: "run" });
  }
  return (session) => homes.get(idOf(session)) ?? { project: session.project, state: "new" };
}

async function homeOf(store: Store, key: SessionKey): Promise<Home> {
  const own = await store.session(key);
  const holder = own ?? (await holderOf(store, key.session));
  if (holder !== undefined) return { project: holder.project, state: "held" };
  const removed = (await store.tombstone(key)) ?? (await removalOf(store, key.session));
  return removed === undefined
    ? { project: key.project, state: "new" }
    : { project: removed.project, state: "removed" };
}

async function holderOf(store: Store, session: string): Promise<SessionRow | undefined> {
  const filter = { sessionPrefix: session, provider: "claude-code" };
  const page = await store.sessions({ filter, limit: 1000 });
  return page.sessions.find((row) => row.session === session);
}

async function removalOf(store: Store, session: string): Promise<SessionKey | undefined> {
  const found = await store.tombstones({ sessionPrefix: session, limit: 1000 });
  return found.find((row) => row.session === session);
}

function idOf({ project, session }: SessionKey): string {
  return JSON.stringify([project, session]);
}
