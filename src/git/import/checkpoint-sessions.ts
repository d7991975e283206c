import { isHoldfastError } from "../../core/errors.ts";
import type { StoredCheckpoint, StoredSession } from "../checkpoint-store.ts";
import { layouts } from "../flow/flow-settings.ts";
import { openLayout } from "../layouts/open-layout.ts";
import { namedInCommits } from "../named-in-commits.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import { commitsToldBy } from "../reading/anchors.ts";
import { isCommitHere } from "../reading/commits.ts";
import type { RawObject } from "../format/raw-json.ts";

/** A session as its checkpoints together have it. */
export interface CheckpointSession {
  /** As its agent names it: the first writers put a date before it. */
  readonly sessionId: string;
  /** The label of its agent, such as `Claude Code`; empty where nobody said. */
  readonly agent: string;
  readonly createdAtMs: number;
  /** Pieces of its longest transcript. */
  readonly transcript: readonly ObjectId[];
  readonly bytes: number;
  /** The first prompt's blob of its first checkpoint. */
  readonly prompt: ObjectId | undefined;
  readonly parts: readonly SessionPart[];
}

/** What one checkpoint says of a session. */
interface SessionPart {
  readonly checkpoint: string;
  readonly atMs: number;
  readonly model: string;
  readonly usage: RawObject | undefined;
  /** The commits that name the checkpoint, and those here that it names. */
  readonly commits: readonly string[];
}

/** Every session of every checkpoint, in whatever layout; what cannot be read goes to `problems`. */
export async function checkpointSessions(
  repository: Repository,
  problems: string[],
): Promise<readonly CheckpointSession[]> {
  const commits = await namedInCommits(repository);
  const sessions = new Map<string, CheckpointSession>();
  const seen = new Set<string>();
  for (const layout of layouts) {
    const store = openLayout(repository, layout);
    for (const { id } of await store.list()) {
      const stored = await readOrTell(() => store.read(id), `${id} in ${layout}`, problems);
      const named = stored === null ? [] : await commitsOf(repository, stored, commits.get(id) ?? []);
      for (const session of stored?.sessions ?? []) {
        const sessionId = (session.sessionId ?? "").replace(/^\d{4}-\d{2}-\d{2}-(?=.)/, "");
        if (!/^[\w][\w.:@+=-]{0,199}$/.test(sessionId)) continue;
        const isKnown = seen.has(`${id} ${sessionId}`);
        seen.add(`${id} ${sessionId}`);
        const part = isKnown ? undefined : partOf(id, session, named);
        sessions.set(
          sessionId,
          await joined(repository, { known: sessions.get(sessionId), sessionId, session, part }),
        );
      }
    }
  }
  return [...sessions.values()].toSorted((a, b) => a.createdAtMs - b.createdAtMs);
}

async function commitsOf(
  repository: Repository,
  stored: StoredCheckpoint,
  named: readonly string[],
): Promise<readonly string[]> {
  const commits = new Set(named);
  for (const commit of commitsToldBy(stored))
    if (!commits.has(commit) && (await isCommitHere(repository, commit))) commits.add(commit);
  return [...commits];
}

async function readOrTell(
  read: () => Promise<StoredCheckpoint | null>,
  what: string,
  problems: string[],
): Promise<StoredCheckpoint | null> {
  try {
    return await read();
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    problems.push(`${what}: ${error.message}`);
    return null;
  }
}

function partOf(checkpoint: string, { metadata }: StoredSession, commits: readonly string[]): SessionPart {
  return {
    ...{ checkpoint, commits, atMs: timeOf(metadata), usage: metadata.object("token_usage") },
    model: metadata.text("model") ?? "",
  };
}

function timeOf(metadata: RawObject): number {
  const atMs = Date.parse(metadata.text("created_at") ?? "");
  return Number.isNaN(atMs) || atMs < 0 ? 0 : atMs;
}

async function joined(
  { objects }: Repository,
  {
    known,
    sessionId,
    session,
    part,
  }: {
    known: CheckpointSession | undefined;
    sessionId: string;
    session: StoredSession;
    part: SessionPart | undefined;
  },
): Promise<CheckpointSession> {
  const headers = await Promise.all(session.transcript.map((id) => objects.header(id)));
  // One that is not whole is worth no more than none.
  const isWhole = headers.every((header) => header !== null);
  const bytes = isWhole ? headers.reduce((sum, header) => sum + (header?.size ?? 0) + 1, -1) : 0;
  const isLonger = bytes > (known?.bytes ?? 0);
  const atMs = timeOf(session.metadata);
  const isFirst = known === undefined || (atMs !== 0 && atMs < known.createdAtMs);
  const agent = session.metadata.text("agent") ?? "";
  return {
    sessionId,
    agent: known === undefined || known.agent === "" ? agent : known.agent,
    createdAtMs: isFirst ? atMs : known.createdAtMs,
    transcript: isLonger ? session.transcript : (known?.transcript ?? []),
    bytes: isLonger ? bytes : (known?.bytes ?? 0),
    prompt: isFirst ? (session.prompt ?? known?.prompt) : known.prompt,
    parts: [...(known?.parts ?? []), ...(part === undefined ? [] : [part])],
  };
}
