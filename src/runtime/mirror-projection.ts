import type { Store } from "../core/store.ts";
import { layered } from "./layered-store.ts";
import { type MirrorPair, mirrorSession } from "./mirror-session.ts";
import { bySession, type Projection, type SessionChanges } from "./projection.ts";

/** The name of a mirror's position, in the secondary. */
export const mirrorName = "mirror";

/**
 * The primary, but for positions: a mirror's position is kept in the secondary, with what it tells of. So it is right
 * also where the secondary is replaced or restored, and the primary is never written to.
 */
export function mirrorLedger({ primary, secondary }: MirrorPair): Store {
  return layered(primary, {
    projections: async () => (await secondary.projections()).filter(({ name }) => name === mirrorName),
    advance: (params) => secondary.advance(params),
    setProjection: (params) => secondary.setProjection(params),
    projected: (params) => secondary.projected(params),
  });
}

/** Takes each change of the primary to the secondary; it has no documents, and may see a change again. */
export function mirrorProjection(pair: MirrorPair): Projection {
  return {
    name: mirrorName,
    async apply({ changes }) {
      const sessions = bySession(changes);
      // Together they share the secondary's transactions.
      for (let from = 0; from < sessions.length; from += atOnce)
        await all(pair, sessions.slice(from, from + atOnce));
      return [];
    },
  };
}

const atOnce = 16;

/** All have ended when it ends: what failed is tried again, and must not meet itself. */
async function all(pair: MirrorPair, sessions: readonly SessionChanges[]): Promise<void> {
  const ends = await Promise.allSettled(sessions.map((each) => mirrorSession(pair, each)));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
