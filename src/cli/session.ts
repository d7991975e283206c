import { HoldfastError } from "../core/errors.ts";
import type { SessionRow, SessionsFilter, Store } from "../core/store.ts";
import { usage } from "./arguments.ts";

/** How a command names its session. */
export interface SessionOption {
  readonly project?: string;
}

/** Finds the one session whose id begins with the prefix. @throws session_unknown, session_ambiguous */
export async function findSession(
  store: Store,
  prefix: string,
  { project }: SessionOption,
): Promise<SessionRow> {
  if (prefix === "") throw usage("The session's id is empty.", "Give the first characters of its id.");
  const filter: SessionsFilter = {
    sessionPrefix: prefix,
    ...(project === undefined ? {} : { project }),
  };
  const { sessions } = await store.sessions({ filter, limit: 1000 });
  const exact = sessions.filter(({ session }) => session === prefix);
  const candidates = exact.length > 0 ? exact : sessions;
  if (candidates.length > 1) throw ambiguous(prefix, candidates);
  const found = candidates[0];
  if (found === undefined) throw unknown(prefix, project);
  return found;
}

function ambiguous(prefix: string, candidates: readonly SessionRow[]): HoldfastError {
  const shown = candidates.slice(0, 10).map(({ project, session }) => `${session} (project ${project})`);
  const more = candidates.length > shown.length ? ` and ${candidates.length - shown.length} more` : "";
  return new HoldfastError({
    code: "session_ambiguous",
    message: `${candidates.length} sessions begin with ${prefix}: ${shown.join(", ")}${more}.`,
    next: "Give more of the id, or its --project.",
    data: { candidates: candidates.map(({ project, session }) => ({ project, session })) },
  });
}

function unknown(prefix: string, project: string | undefined): HoldfastError {
  return new HoldfastError({
    code: "session_unknown",
    message: `No session${project === undefined ? "" : ` in project ${project}`} begins with ${prefix}.`,
    next: "Run holdfast list to see the sessions.",
    data: { prefix, project },
  });
}
