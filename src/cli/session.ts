import { HoldfastError } from "../core/errors.ts";
import type { SessionRow, Store } from "../core/store.ts";
import { shown, usage } from "./arguments.ts";
import { allSessions } from "./pages.ts";

/** How a command names its session. */
export interface SessionOption {
  readonly project?: string;
}

/** Finds the one session whose id is the prefix, else the one whose id begins with it. @throws session_unknown, session_ambiguous */
export async function findSession(
  store: Store,
  prefix: string,
  { project }: SessionOption,
): Promise<SessionRow> {
  if (prefix === "") throw usage("The session's id is empty.", "Give the first characters of its id.");
  const exact: SessionRow[] = [];
  const some: SessionRow[] = [];
  let begun = 0;
  for await (const row of beginningWith(store, prefix, project)) {
    begun += 1;
    if (row.session === prefix) exact.push(row);
    else if (some.length < shownCandidates) some.push(row);
  }
  const [found] = exact.length === 1 || begun === 1 ? [...exact, ...some] : [];
  if (found !== undefined) return found;
  if (begun === 0) throw unknown(prefix, project);
  throw exact.length > 1 ? inSeveralProjects(prefix, exact) : ambiguous(prefix, some, begun);
}

/** Names, and how many more there are than these. */
export function listOf(names: readonly string[], count: number): string {
  return names.join(", ") + (count > names.length ? ` and ${count - names.length} more` : "");
}

/** How many of the sessions that fit are named. */
export const shownCandidates = 10;

async function* beginningWith(store: Store, prefix: string, project: string | undefined) {
  const filter = { sessionPrefix: prefix, ...(project === undefined ? {} : { project }) };
  const page = await store.sessions({ filter, limit: 1000 });
  if (page.cursor === undefined) return yield* page.sessions;
  // Further pages of a prefix that thousands share cost a sort each; the whole catalogue comes from one index.
  for await (const row of allSessions(store))
    if (row.session.startsWith(prefix) && (project === undefined || row.project === project)) yield row;
}

function ambiguous(prefix: string, some: readonly SessionRow[], count: number): HoldfastError {
  const listed = listOf(
    some.map(({ project, session }) => `${shown(session)} (project ${shown(project)})`),
    count,
  );
  return new HoldfastError({
    code: "session_ambiguous",
    message: `${count.toLocaleString("en-US")} sessions begin with ${shown(prefix)}: ${listed}.`,
    next: "Give more of the id, or its --project.",
    data: { prefix, count },
  });
}

function inSeveralProjects(session: string, rows: readonly SessionRow[]): HoldfastError {
  const projects = rows.slice(0, shownCandidates).map(({ project }) => shown(project));
  return new HoldfastError({
    code: "session_ambiguous",
    message: `${rows.length} projects hold a session ${shown(session)}: ${listOf(projects, rows.length)}.`,
    next: "Give its --project.",
    data: { session, count: rows.length },
  });
}

function unknown(prefix: string, project: string | undefined): HoldfastError {
  return new HoldfastError({
    code: "session_unknown",
    message: `No session${project === undefined ? "" : ` in project ${shown(project)}`} begins with ${shown(prefix)}.`,
    next: "Run holdfast list to see the sessions.",
    data: { prefix, project },
  });
}
