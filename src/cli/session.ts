import { HoldfastError } from "../core/errors.ts";
import type { SessionKey } from "../core/ids.ts";
import type { SessionRow, Store } from "../core/store.ts";
import { asTyped, listOf, shown, shownCandidates, usage } from "./arguments.ts";
import { allSessions } from "./pages.ts";
import { removedError } from "./removed-sessions.ts";

/** How a command names its session. */
export interface SessionOption {
  readonly project?: string;
}

/** Finds the one session whose id is the prefix, else the one whose id begins with it. @throws session_unknown, session_dropped, session_ambiguous */
export async function findSession(
  store: Store,
  prefix: string,
  { project }: SessionOption,
): Promise<SessionRow> {
  if (prefix === "") throw usage("The session's id is empty.", "Give the first characters of its id.");
  const found = await candidates(store, prefix, project);
  const [row] = found.named;
  if (row === undefined) throw await unknown(store, prefix, project);
  if (found.named.length === 1) return row;
  throw found.isOneId ? inSeveralProjects(found.named) : ambiguous(prefix, found);
}

interface Candidates {
  /** Those that are that very id, if there are any; else the first of those that begin with it. */
  readonly named: readonly SessionRow[];
  readonly count: number;
  /** Whether all of them are one session's id, in several projects. */
  readonly isOneId: boolean;
}

async function candidates(store: Store, prefix: string, project: string | undefined): Promise<Candidates> {
  const exact: SessionRow[] = [];
  const some: SessionRow[] = [];
  const ids = new Set<string>();
  let count = 0;
  for await (const row of beginningWith(store, prefix, project)) {
    count += 1;
    if (ids.size < 2) ids.add(row.session);
    if (row.session === prefix) exact.push(row);
    // Of one id all are kept: there is one in each project.
    else if (some.length < shownCandidates || ids.size === 1) some.push(row);
  }
  if (exact.length > 0) return { named: exact, count: exact.length, isOneId: true };
  return { named: some, count, isOneId: ids.size === 1 };
}

async function* beginningWith(store: Store, prefix: string, project: string | undefined) {
  const filter = { sessionPrefix: prefix, ...(project === undefined ? {} : { project }) };
  const page = await store.sessions({ filter, limit: 1000 });
  if (page.cursor === undefined) return yield* page.sessions;
  // Further pages of a prefix that thousands share cost a sort each; the whole catalogue comes from one index.
  for await (const row of allSessions(store))
    if (row.session.startsWith(prefix) && (project === undefined || row.project === project)) yield row;
}

function ambiguous(prefix: string, { named, count }: Candidates): HoldfastError {
  const listed = listOf(
    named
      .slice(0, shownCandidates)
      .map(({ project, session }) => `${shown(session)} (project ${shown(project)})`),
    count,
  );
  return new HoldfastError({
    code: "session_ambiguous",
    message: `${count.toLocaleString("en-US")} sessions begin with ${shown(prefix)}: ${listed}.`,
    next: "Give more of the id, or its --project.",
    data: { prefix, count },
  });
}

/** The error of an id that several projects have. */
export function inSeveralProjects(rows: readonly SessionKey[]): HoldfastError {
  const { session, project } = rows[0]!;
  const projects = rows.slice(0, shownCandidates).map((row) => shown(row.project));
  return new HoldfastError({
    code: "session_ambiguous",
    message: `${rows.length} projects hold a session ${shown(session)}: ${listOf(projects, rows.length)}.`,
    next: `Name its project, such as --project ${asTyped(project)}.`,
    data: { session, count: rows.length },
  });
}

async function unknown(store: Store, prefix: string, project: string | undefined): Promise<HoldfastError> {
  const removed = await removedError(store, prefix, project);
  if (removed !== undefined) return removed;
  return new HoldfastError({
    code: "session_unknown",
    message: `No session${project === undefined ? "" : ` in project ${shown(project)}`} begins with ${shown(prefix)}.`,
    next: "Run holdfast list to see the sessions.",
    data: { prefix, project },
  });
}
