import type { StoredCheckpoint, StoredSession } from "../checkpoint-store.ts";
import { isDamage } from "../damage.ts";
import { layouts } from "../flow/flow-settings.ts";
import type { RawObject } from "../format/raw-json.ts";
import { openLayout } from "../layouts/open-layout.ts";
import { namedInCommits } from "../named-in-commits.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import { type NamedSession, namedSessions, timeOf } from "./named-sessions.ts";
import { type SessionTranscript, Transcripts } from "./session-transcripts.ts";
import { commitsToldBy } from "../reading/anchors.ts";
import { isCommitHere } from "../reading/commits.ts";

/** A session as its checkpoints together have it. */
export interface CheckpointSession {
  /** As its agent names it: the first writers put a date before it. */
  readonly sessionId: string;
  /** The label of its agent, such as `Claude Code`; empty where nobody said. */
  readonly agent: string;
  readonly createdAtMs: number;
  /** Its own and its subagents', log by log; of each log the oldest first. */
  readonly transcripts: readonly SessionTranscript[];
  /** The first prompt's blob of its first checkpoint. */
  readonly prompt: ObjectId | undefined;
  readonly parts: readonly SessionPart[];
}

/** What one checkpoint says of a session. */
export interface SessionPart {
  readonly checkpoint: string;
  readonly atMs: number;
  readonly model: string;
  readonly usage: RawObject | undefined;
  /** The root's `token_usage_version`; undefined where it has none. */
  readonly usageVersion: number | undefined;
  /** The commits that name the checkpoint, and those here that it names. */
  readonly commits: readonly string[];
}

/** Every session of every checkpoint, in whatever layout; what cannot be read goes to `problems`. */
export async function checkpointSessions(
  repository: Repository,
  problems: string[],
): Promise<readonly CheckpointSession[]> {
  const commits = await namedInCommits(repository);
  const transcripts = new Transcripts(repository.objects, problems);
  const sessions = new Map<string, WithoutTranscripts>();
  const seen = new Set<string>();
  for (const layout of layouts) {
    const store = openLayout(repository, layout, {
      onDamaged: ({ message }) => problems.push(`${layout}: ${message}`),
    });
    const listed = await orTell(() => store.list(), `the checkpoints in ${layout}`, problems);
    for (const { id } of listed ?? []) {
      const stored = await orTell(() => store.read(id), `${id} in ${layout}`, problems);
      if (stored === null || stored === undefined) continue;
      const own = await commitsOf(repository, stored, commits.get(id) ?? []);
      const named = namedSessions(stored, problems);
      for (const { sessionId, session } of named) {
        const isKnown = seen.has(`${id} ${sessionId}`);
        seen.add(`${id} ${sessionId}`);
        const part = isKnown ? [] : [partOf(stored, session, own)];
        sessions.set(sessionId, joined(sessions.get(sessionId), { sessionId, session, part }));
      }
      await transcripts.add(stored, named);
    }
  }
  const found: CheckpointSession[] = [];
  for (const session of sessions.values())
    found.push({ ...session, transcripts: await transcripts.of(session.sessionId) });
  return found.toSorted((a, b) => a.createdAtMs - b.createdAtMs);
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

type WithoutTranscripts = Omit<CheckpointSession, "transcripts">;

async function orTell<Result>(
  read: () => Promise<Result>,
  what: string,
  problems: string[],
): Promise<Result | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!isDamage(error)) throw error;
    problems.push(`${what}: ${error.message}`);
    return undefined;
  }
}

function partOf(
  { id, root }: StoredCheckpoint,
  { metadata }: StoredSession,
  commits: readonly string[],
): SessionPart {
  return {
    ...{ checkpoint: id, commits, atMs: timeOf(metadata), usage: metadata.object("token_usage") },
    model: metadata.text("model") ?? "",
    usageVersion: root.number("token_usage_version"),
  };
}

function joined(
  known: WithoutTranscripts | undefined,
  { sessionId, session, part }: NamedSession & { readonly part: readonly SessionPart[] },
): WithoutTranscripts {
  const atMs = timeOf(session.metadata);
  const isFirst = known === undefined || (atMs !== 0 && atMs < known.createdAtMs);
  const agent = session.metadata.text("agent") ?? "";
  return {
    sessionId,
    agent: known === undefined || known.agent === "" ? agent : known.agent,
    createdAtMs: isFirst ? atMs : known.createdAtMs,
    prompt: isFirst ? (session.prompt ?? known?.prompt) : known.prompt,
    parts: [...(known?.parts ?? []), ...part],
  };
}
