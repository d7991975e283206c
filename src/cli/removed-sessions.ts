import { HoldfastError } from "../core/errors.ts";
import type { Store, Tombstone } from "../core/store.ts";
import { listOf, asTyped, shown, shownCandidates } from "./arguments.ts";
import { localTime } from "./columns.ts";

/** What to say of a session that was removed: when, by whom, and how it comes back; undefined where none was. */
export async function removedError(
  store: Store,
  prefix: string,
  project: string | undefined,
): Promise<HoldfastError | undefined> {
  const found = await store.tombstones({
    sessionPrefix: prefix,
    limit: 1000,
    ...(project === undefined ? {} : { project }),
  });
  const exact = found.filter(({ session }) => session === prefix);
  const ids = new Set((exact.length > 0 ? exact : found).map(({ session }) => session));
  const [newest] = exact.length > 0 ? exact : found;
  if (newest === undefined) return undefined;
  return ids.size === 1 ? wasRemoved(newest) : wereRemoved(prefix, [...ids]);
}

function wasRemoved({ project, session, droppedAtMs, actor, reason }: Tombstone): HoldfastError {
  const why = reason === null ? "" : `: ${shown(reason)}`;
  return new HoldfastError({
    code: "session_dropped",
    message: `The session ${shown(session)} of project ${shown(project)} was removed on ${localTime(droppedAtMs)} by ${shown(actor)}${why}.`,
    next: `Bring it back with holdfast import --restore-dropped --session ${asTyped(session)}, if its transcript is still there.`,
    data: { project, session, droppedAtMs, actor, reason },
  });
}

function wereRemoved(prefix: string, ids: readonly string[]): HoldfastError {
  return new HoldfastError({
    code: "session_dropped",
    message: `${ids.length.toLocaleString("en-US")} sessions that begin with ${shown(prefix)} were removed: ${listOf(ids.slice(0, shownCandidates).map(shown), ids.length)}.`,
    next: "Give more of the id to see when, by whom, and how it comes back.",
    data: { prefix, count: ids.length },
  });
}
