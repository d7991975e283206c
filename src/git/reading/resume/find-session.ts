import { HoldfastError } from "../../../core/errors.ts";
import type { StoredSession } from "../../checkpoint-store.ts";
import type { Repository } from "../../plumbing/repository.ts";
import { type CheckpointFacts, currentSessions, nameIn } from "../checkpoint-facts.ts";
import { type CheckpointSource, readKnown } from "../checkpoint-source.ts";
import { commitNamed, readCommits } from "../commits.ts";
import type { FactsIndex } from "../facts-index.ts";
import { knownLinks } from "../known-links.ts";
import { resolveName } from "../resolve.ts";

/** A session that a checkpoint holds, and that can be gone on with. */
export interface ResumableSession {
  readonly checkpoint: string;
  readonly session: StoredSession;
  readonly sessionId: string;
  readonly agent: string | null;
}

export interface FindSessionParams {
  readonly repository: Repository;
  readonly source: CheckpointSource;
  readonly index: FactsIndex;
  /** A branch, a commit, or a checkpoint. */
  readonly name: string;
  /** The first characters of a session's id, where the checkpoint holds several. */
  readonly session?: string;
}

/** The session that a name means. @throws checkpoint_unknown, session_ambiguous, session_unknown */
export async function findSession(params: FindSessionParams): Promise<ResumableSession> {
  const checkpoint = await checkpointFor(params);
  const stored = await readKnown(params.source, checkpoint);
  const sessions = currentSessions(stored).flatMap((session) => {
    const sessionId = session.sessionId;
    if (sessionId === undefined) return [];
    return [{ checkpoint, session, sessionId, agent: nameIn(session.metadata, "agent") }];
  });
  const wanted = params.session;
  const fits =
    wanted === undefined ? sessions : sessions.filter(({ sessionId }) => sessionId.startsWith(wanted));
  const [only, ...others] =
    fits.filter(({ sessionId }) => sessionId === wanted).length === 1
      ? fits.filter(({ sessionId }) => sessionId === wanted)
      : fits;
  if (only === undefined) throw noSession(checkpoint, wanted, sessions);
  if (others.length > 0) throw severalSessions(checkpoint, fits);
  return only;
}

const maxSearched = 2000;

/** The newest checkpoint of a branch, or the one that is named. */
async function checkpointFor(params: FindSessionParams): Promise<string> {
  const { repository, index, name } = params;
  const branch = (await repository.refs.read("refs/heads/" + name).catch(() => null)) ?? null;
  if (branch === null) {
    const named = await resolveName({ repository, index, name }).catch((error: unknown) => {
      if (branchOnly(error)) return null;
      throw error;
    });
    if (named?.kind === "checkpoint") return named.id;
    if (named === null) return newestOf(params);
  }
  const commit = branch ?? (await commitNamed(repository, name));
  const here = new Set((await index.listed()).map(({ id }) => id));
  const links = await knownLinks(params);
  const commits =
    commit === null ? [] : await readCommits(repository, { revisions: [commit], maxCommits: maxSearched });
  for (const { id, trailers } of commits) {
    const ids = [...trailers.checkpoints, ...(links.get(id) ?? []).map(({ checkpoint }) => checkpoint)];
    const facts = await index.of(ids.filter((checkpoint) => here.has(checkpoint)));
    // Of a squash the one that was stored last, however its trailers are sorted.
    const found = [...facts.values()].reduce<CheckpointFacts | undefined>(
      (newest, one) => (newest === undefined || (one.atMs ?? 0) >= (newest.atMs ?? 0) ? one : newest),
      undefined,
    );
    if (found !== undefined) return found.id;
  }
  return newestOf(params);
}

// A branch that lies elsewhere may still have its checkpoints here.
function branchOnly(error: unknown): boolean {
  return error instanceof HoldfastError && error.code === "checkpoint_unknown";
}

async function newestOf({ index, name }: FindSessionParams): Promise<string> {
  const found = (await index.all()).find(({ branch }) => branch === name);
  if (found !== undefined) return found.id;
  throw new HoldfastError({
    code: "checkpoint_unknown",
    message: `${JSON.stringify(name.slice(0, 200))} has no checkpoint in this repository.`,
    next: "See which there are with: holdfast git list. If they were pushed, bring them with: holdfast git fetch --all",
    data: { name: name.slice(0, 200) },
  });
}

function noSession(
  checkpoint: string,
  wanted: string | undefined,
  sessions: readonly ResumableSession[],
): HoldfastError {
  const listed = sessions.map(({ sessionId }) => sessionId).join(", ");
  return new HoldfastError({
    code: "session_unknown",
    message:
      wanted === undefined
        ? `The checkpoint ${checkpoint} names no session.`
        : `The checkpoint ${checkpoint} has no session ${JSON.stringify(wanted.slice(0, 100))}${listed === "" ? "" : `, but ${listed}`}.`,
    next: "Look at it with: holdfast git explain " + checkpoint,
    data: { checkpoint },
  });
}

function severalSessions(checkpoint: string, fits: readonly ResumableSession[]): HoldfastError {
  const listed = fits
    .slice(0, 30)
    .map(({ sessionId, agent }) => `${sessionId} (${agent ?? "unknown agent"})`);
  const more = fits.length > 30 ? ` and ${fits.length - 30} more` : "";
  return new HoldfastError({
    code: "session_ambiguous",
    message: `The checkpoint ${checkpoint} holds ${fits.length} sessions: ${listed.join(", ")}${more}.`,
    next: "Name one with --session.",
    data: { checkpoint, sessions: fits.map(({ sessionId }) => sessionId).slice(0, 100) },
  });
}
