import { randomUUID } from "node:crypto";
import { HoldfastError } from "../core/errors.ts";
import type { SessionKey } from "../core/ids.ts";
import type { Store } from "../core/store.ts";
import { listOf, shown, shownCandidates, usage } from "./arguments.ts";
import { inSeveralProjects } from "./session.ts";

/** How a command names the session that a turn is for. */
export interface TargetOptions {
  readonly session?: string;
  readonly project?: string;
  readonly resumeKey?: string;
  readonly new?: true;
}

/**
 * The session that a turn is for, which may be new. An id is never completed here: a dispatcher that names a new
 * session must not land in another one. @throws usage, session_ambiguous
 */
export async function targetSession(store: Store, options: TargetOptions): Promise<SessionKey> {
  const { session, project, resumeKey, new: isNew } = options;
  if (session === undefined && resumeKey === undefined)
    throw usage("No session is named.", "Give --session, or --resume-key.");
  if (session === undefined) return await keyedSession(store, options);
  const filter = { sessionPrefix: session, ...(project === undefined ? {} : { project }) };
  // The shortest ids come neither first nor together, so all that fit are looked at.
  const ids: string[] = [];
  const same: SessionKey[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await store.sessions({ filter, limit: 1000, ...(cursor === undefined ? {} : { cursor }) });
    for (const row of page.sessions) if (row.session === session) same.push(row);
    ids.push(...page.sessions.map((row) => row.session));
    cursor = page.cursor;
    if (cursor === undefined) break;
  }
  if (same.length > 1) throw inSeveralProjects(same);
  if (same[0] !== undefined) return { project: same[0].project, session };
  if (ids.length > 0 && isNew !== true) throw halfNamed(session, ids);
  return { project: project ?? folderProject(), session };
}

async function keyedSession(store: Store, { resumeKey, project }: TargetOptions): Promise<SessionKey> {
  const filter = { resumeKey: resumeKey!, ...(project === undefined ? {} : { project }) };
  const { sessions } = await store.sessions({ filter, limit: 1000 });
  const [row, ...others] = project === undefined ? atHome(sessions) : sessions;
  if (row === undefined) return { project: project ?? folderProject(), session: randomUUID() };
  if (others.length === 0) return { project: row.project, session: row.session };
  throw usage(
    `Sessions of ${sessions.length} projects have the key ${shown(resumeKey!)}.`,
    "Name one with --project.",
  );
}

// A key is a project's own: another project's session is another one.
function atHome<Row extends SessionKey>(rows: readonly Row[]): readonly Row[] {
  return rows.filter(({ project }) => project === folderProject());
}

/** This folder's project, as Claude Code names it. */
function folderProject(): string {
  return process.cwd().replaceAll(/[^a-zA-Z0-9]/g, "-");
}

function halfNamed(session: string, ids: readonly string[]): HoldfastError {
  const names = ids.slice(0, shownCandidates).map(shown);
  const how = ids.length === 1 ? "begins" : "begin";
  return new HoldfastError({
    code: "session_ambiguous",
    message: `There is no session ${shown(session)}, but ${listOf(names, ids.length)} ${how} so.`,
    next: "Give the whole id, or --new for a new session.",
    data: { session, count: ids.length },
  });
}
