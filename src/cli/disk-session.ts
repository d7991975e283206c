import { findTranscripts } from "../agents/claude/find-transcripts.ts";
import { HoldfastError } from "../core/errors.ts";
import { listOf, shown, shownCandidates } from "./arguments.ts";

/** The ids of the sessions whose transcripts are below these config folders and begin with a prefix. */
export function sessionsOnDisk(folders: readonly string[], prefix: string): readonly string[] {
  const ids = folders.flatMap((folder) => findTranscripts(folder).files.map(({ sessionId }) => sessionId));
  return [...new Set(ids)].filter((id) => id.startsWith(prefix)).toSorted();
}

/** The one of these ids that is the prefix, else the only one. @throws session_unknown, session_ambiguous */
export function oneOnDisk(ids: readonly string[], prefix: string): string {
  const [found] = ids;
  if (found === undefined) throw unknown(prefix);
  if (ids.includes(prefix)) return prefix;
  if (ids.length === 1) return found;
  const names = ids.slice(0, shownCandidates).map(shown);
  throw new HoldfastError({
    code: "session_ambiguous",
    message: `Transcripts of ${ids.length.toLocaleString("en-US")} sessions begin with ${shown(prefix)}: ${listOf(names, ids.length)}.`,
    next: "Give more of the id.",
    data: { prefix, count: ids.length },
  });
}

function unknown(prefix: string): HoldfastError {
  return new HoldfastError({
    code: "session_unknown",
    message: `No transcript of a session that begins with ${shown(prefix)} was found.`,
    next: "Give the first characters of its file's name, or look in another --config-dir.",
    data: { prefix },
  });
}
