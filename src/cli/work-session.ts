import { isHoldfastError } from "../core/errors.ts";
import type { SessionKey } from "../core/ids.ts";
import type { Store } from "../core/store.ts";
import { usage } from "./arguments.ts";
import { findSession, type SessionOption } from "./session.ts";

/**
 * Finds a session as `findSession` does, and also one of which nothing is committed yet: by its open runs, its queued
 * and given up inputs, or by its whole id and project, as only a lease may be left of it.
 */
export async function findWorkSession(
  store: Store,
  prefix: string,
  options: SessionOption,
): Promise<SessionKey> {
  try {
    const { project, session } = await findSession(store, prefix, options);
    return { project, session };
  } catch (error) {
    if (!isHoldfastError(error) || error.code !== "session_unknown") throw error;
    const found = await hidden(store, prefix, options);
    if (found === undefined) throw error;
    return found;
  }
}

/** The session that a list is of; undefined for all. @throws usage for a project alone */
export async function listedSession(
  store: Store,
  { session, project }: SessionOption & { readonly session?: string },
): Promise<{ readonly session?: SessionKey }> {
  if (session !== undefined)
    return { session: await findWorkSession(store, session, project === undefined ? {} : { project }) };
  if (project === undefined) return {};
  throw usage("--project without --session means nothing here.", "Name a session, or leave --project out.");
}

async function hidden(
  store: Store,
  prefix: string,
  { project }: SessionOption,
): Promise<SessionKey | undefined> {
  const pages = await Promise.all([
    store.runs({ state: "running", limit: 1000 }).then(({ runs }) => runs),
    store.runs({ state: "held", limit: 1000 }).then(({ runs }) => runs),
    store.inputs({ state: "queued", limit: 1000 }),
    store.inputs({ state: "abandoned", limit: 1000 }),
  ]);
  const fitting = pages
    .flat()
    .filter((row) => row.session.startsWith(prefix) && (project === undefined || row.project === project));
  const named = fitting.filter(({ session }) => session === prefix);
  const [found, ...others] = named.length > 0 ? named : fitting;
  if (found === undefined) return project === undefined ? undefined : { project, session: prefix };
  const isOne = others.every((row) => row.session === found.session && row.project === found.project);
  return isOne ? { project: found.project, session: found.session } : undefined;
}
