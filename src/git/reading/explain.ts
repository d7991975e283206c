import { isHoldfastError } from "../../core/errors.ts";
import type { StoredCheckpoint, StoredSession, StoredTask } from "../checkpoint-store.ts";
import type { Finding } from "../format/findings.ts";
import { plainOf, RawObject } from "../format/raw-json.ts";
import type { Repository } from "../plumbing/repository.ts";
import {
  type CheckpointFacts,
  currentSessions,
  factsOf,
  nameIn,
  promptsOf,
  timeIn,
} from "./checkpoint-facts.ts";
import { type CheckpointSource, readKnown } from "./checkpoint-source.ts";
import { commitsToldBy } from "./anchors.ts";
import { type CommitRecord, isCommitHere, readCommit, readCommits } from "./commits.ts";
import { aboutMicroDollars, type TokenFacts, tokenFacts } from "./token-facts.ts";
import { firstAgentChunks } from "../format/agent-files.ts";
import { type TranscriptPart, transcriptPart } from "./transcript-part.ts";

/** All that a checkpoint says of how its commit came about. */
export interface Explained {
  readonly facts: CheckpointFacts;
  readonly strategy: string | null;
  /** Its commits: those whose trailer names it, newest first, as far as they were looked for, and then those that it names. */
  readonly commits: readonly CommitRecord[];
  readonly sessions: readonly ExplainedSession[];
  readonly tasks: readonly ExplainedTask[];
  readonly findings: readonly Finding[];
}

export interface ExplainedSession {
  readonly slot: number;
  readonly session: string | null;
  readonly agent: string | null;
  readonly model: string | null;
  readonly branch: string | null;
  readonly atMs: number | null;
  readonly prompts: readonly string[];
  readonly files: readonly string[];
  /** Where the list was cut, how many there were. */
  readonly filesCount: number;
  readonly usage: TokenFacts | null;
  /** About what it cost; null where it has no price. */
  readonly microDollars: number | null;
  /** As the format has it (section 3.3); null where there is none. */
  readonly summary: unknown;
  readonly part: TranscriptPart;
}

export interface ExplainedTask {
  readonly toolUseId: string;
  readonly agent: string | null;
  readonly description: string | null;
  readonly startedAtMs: number | null;
  /** Null: it still ran when the commit was made. */
  readonly completedAtMs: number | null;
  readonly files: readonly string[];
  readonly usage: TokenFacts | null;
  readonly part: TranscriptPart;
}

export interface ExplainParams {
  readonly repository: Repository;
  readonly source: CheckpointSource;
  readonly id: string;
  /** Of the transcripts, for each session and each task. */
  readonly maxPartBytes: number;
}

/** Reads what a checkpoint says. @throws checkpoint_unknown */
export async function explain(params: ExplainParams): Promise<Explained> {
  const { repository, source, id, maxPartBytes } = params;
  const stored = await readKnown(source, id);
  const { objects } = repository;
  const sessions: ExplainedSession[] = [];
  for (const session of currentSessions(stored))
    sessions.push(await explainSession(repository, session, maxPartBytes));
  const tasks: ExplainedTask[] = [];
  for (const task of stored.tasks) tasks.push(await explainTask(repository, task, maxPartBytes));
  return {
    facts: await factsOf(objects, stored),
    strategy: nameIn(stored.root, "strategy"),
    commits: await withTold(repository, stored),
    sessions,
    tasks,
    findings: stored.findings,
  };
}

/** Commits of branches, tags and HEAD whose trailer names a checkpoint, newest first. */
export async function commitsOf(
  repository: Repository,
  { id }: Pick<StoredCheckpoint, "id">,
): Promise<readonly CommitRecord[]> {
  const found = ["--fixed-strings", `--grep=Entire-Checkpoint: ${id}`];
  const where = ["--exclude=entire/*", "--branches", "--tags", "--exclude=*/entire/*", "--remotes"];
  // A detached HEAD is on no branch.
  const revisions = (await repository.refs.read("HEAD")) === null ? [] : ["HEAD"];
  try {
    const options = [...found, ...where];
    const all = await readCommits(repository, { options, revisions, maxCommits: maxShownCommits });
    return all.filter(({ trailers }) => trailers.checkpoints.includes(id));
  } catch (error) {
    // In a long history the search may take too long; the checkpoint itself is told all the same.
    if (isHoldfastError(error) && error.code === "git_timeout") return [];
    throw error;
  }
}

async function withTold(repository: Repository, stored: StoredCheckpoint): Promise<readonly CommitRecord[]> {
  const named = await commitsOf(repository, stored);
  const commits = [...named];
  for (const id of commitsToldBy(stored)) {
    if (commits.length >= maxShownCommits) break;
    if (commits.every((commit) => commit.id !== id) && (await isCommitHere(repository, id)))
      commits.push(await readCommit(repository, id));
  }
  return commits;
}

const maxShownCommits = 20;
const maxListed = 2000;

async function explainSession(
  { objects }: Repository,
  session: StoredSession,
  maxBytes: number,
): Promise<ExplainedSession> {
  const { metadata } = session;
  const usage = tokenFacts(metadata.object("token_usage"));
  const model = nameIn(metadata, "model");
  const atMs = timeIn(metadata, "created_at");
  const summary = metadata.object("summary");
  const isPriced = usage !== null && model !== null && atMs !== null;
  return {
    slot: session.slot,
    session: nameIn(metadata, "session_id"),
    agent: nameIn(metadata, "agent"),
    model,
    branch: nameIn(metadata, "branch"),
    atMs,
    prompts: await promptsOf(objects, session),
    ...filesOf(metadata, "files_touched"),
    usage,
    microDollars: isPriced ? aboutMicroDollars({ usage, model, atMs }) : null,
    summary: summary === undefined ? null : plainOf(summary),
    part: await transcriptPart(objects, session, { maxBytes }),
  };
}

async function explainTask(
  { objects }: Repository,
  { toolUseId, task, transcripts }: StoredTask,
  maxBytes: number,
): Promise<ExplainedTask> {
  const transcript = firstAgentChunks(transcripts);
  const session = { transcript, compact: undefined, metadata: new RawObject([]) };
  return {
    toolUseId,
    agent: nameIn(task, "subagent_type") ?? nameIn(task, "agent_id"),
    description: nameIn(task, "task_description"),
    startedAtMs: timeIn(task, "started_at"),
    completedAtMs: timeIn(task, "completed_at"),
    files: filesOf(task, "files").files,
    usage: tokenFacts(task.object("token_usage")),
    part: await transcriptPart(objects, session, { maxBytes }),
  };
}

function filesOf(metadata: RawObject, key: string): Pick<ExplainedSession, "files" | "filesCount"> {
  const all = metadata.texts(key);
  const count = metadata.number(`${key}_count`) ?? 0;
  return {
    files: all.slice(0, maxListed),
    filesCount: Math.max(all.length, Number.isSafeInteger(count) ? count : 0),
  };
}
