import type { SessionKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";

/**
 * Those of Claude Code's sessions that an agent of this store has run, with the session that holds each under a name of
 * its own. Costs a pass over all sessions, whose tokens no index knows.
 */
export async function sessionsRunHere(
  store: Store,
  sdkSessions: ReadonlySet<string>,
): Promise<ReadonlyMap<string, SessionKey>> {
  const found = new Map<string, SessionKey>();
  if (sdkSessions.size === 0) return found;
  for (let cursor: string | undefined; ;) {
    const page = await store.sessions({ limit: 1000, ...(cursor !== undefined && { cursor }) });
    for (const { project, session, resumeToken } of page.sessions)
      if (resumeToken !== null && sdkSessions.has(resumeToken)) found.set(resumeToken, { project, session });
    cursor = page.cursor;
    if (cursor === undefined) return found;
  }
}
