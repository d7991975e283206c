import { HoldfastError } from "../core/errors.ts";
import type { SessionKey } from "../core/ids.ts";
import type { Store } from "../core/store.ts";
import { dropsIn } from "./copy.ts";
import { type CopyContext, copySession } from "./copy-session.ts";
import type { SessionChanges } from "./projection.ts";

/** The two stores of a mirror. */
export interface MirrorPair {
  readonly primary: Store;
  readonly secondary: Store;
}

/**
 * Brings what changed in one session to the secondary, as a copy does that goes on. It reads the primary as it is now, so
 * the same changes may come again, and later ones may be in it already.
 *
 * @throws mirror_diverged where the secondary holds something else
 */
export async function mirrorSession(
  { primary, secondary }: MirrorPair,
  { session, changes }: SessionChanges,
): Promise<void> {
  const context: CopyContext = {
    from: primary,
    to: secondary,
    quick: true,
    signal: undefined,
    tell: () => undefined,
  };
  const seen = dropsIn(changes);
  const fault = await copySession(context, session, seen);
  // What began anew since is told by the feed later on.
  if (fault === undefined || (await isDroppedLater(primary, session, changes.at(-1)!.seq))) return;
  // Where somebody dropped it at the secondary alone, there is nothing to be written over.
  const isGone = (await secondary.logs(session)).length === 0;
  const again = isGone ? await copySession(context, session, { ...seen, session: true }) : fault;
  if (again !== undefined) throw diverged(session, again);
}

async function isDroppedLater(
  primary: Store,
  { project, session }: SessionKey,
  seq: number,
): Promise<boolean> {
  for (let after = seq; ;) {
    const { changes } = await primary.changes({ after, limit: 1000 });
    const own = changes.filter((change) => change.project === project && change.session === session);
    if (own.some(({ kind }) => kind === "dropped" || kind === "log_dropped")) return true;
    if (changes.length === 0) return false;
    after = changes.at(-1)!.seq;
  }
}

function diverged(session: SessionKey, fault: string): HoldfastError {
  return new HoldfastError({
    code: "mirror_diverged",
    message: `The mirror of session ${session.session} holds what its primary does not. ${fault}`,
    next: "Find who else writes the mirror; drop the session there, and it is mirrored anew.",
    data: { ...session },
  });
}
