import { createHash } from "node:crypto";
import { HoldfastError } from "../../core/errors.ts";
import type { Layout } from "../checkpoint-store.ts";
import { type SessionContent, sessionContent } from "../content/session-content.ts";
import { filesTouched } from "../format/capped-list.ts";
import { mintHexId, mintUlid, type RandomBytes } from "../format/ids.ts";
import { parseTrailers } from "../format/trailers.ts";
import type { Commit } from "../plumbing/objects.ts";
import { anchorFields } from "../reading/anchors.ts";
import { keepLinks } from "../reading/link-file.ts";
import { changedPaths } from "./commit-changes.ts";
import { compactLinesBefore } from "./compact-position.ts";
import { displayName, type FlowContext, queueRefs, strategy } from "./flow-context.ts";
import { linkedCommit } from "./linked-commits.ts";
import { redactedAnchors } from "./redacted-anchors.ts";
import { contentFolder } from "./session-part.ts";
import { isSessionId } from "./session-state.ts";
import { slotOf } from "./stored-part.ts";

/** A commit of which it is known which run of which session made it. */
export interface RunCommit {
  readonly commit: string;
  /** The agent's own id of the session; it names a folder, and a slot of the checkpoint. */
  readonly sessionId: string;
  /** The agent's registry name (specification §15). */
  readonly agent: string;
  readonly run: string;
  /** The session's log as the agent writes it, a line each. */
  readonly transcript: string;
  /** Lines before the run. */
  readonly partFrom: number;
  readonly prompts: readonly string[];
  /** False: another commit of the run has its tokens, so that they are counted once. */
  readonly hasUsage: boolean;
  readonly model?: string;
  readonly branch?: string;
}

export interface RunCheckpoint {
  readonly id: string;
  /** False: it was there already, and nothing was written. */
  readonly changed: boolean;
}

/**
 * Writes the checkpoint of a commit that a run made: no hook has noted it, and nothing is guessed. Done again it finds
 * its own checkpoint, or the one that a hook made of it. @throws git_ref_invalid, checkpoint_invalid
 */
export async function writeRunCheckpoint(
  context: FlowContext & { readonly layout: Layout },
  made: RunCommit,
): Promise<RunCheckpoint> {
  if (!isSessionId(made.sessionId)) throw noSession(made.sessionId);
  const commit = await context.repository.objects.commit(made.commit);
  if (commit === null) throw noCommit(made.commit);
  const trailers = parseTrailers(commit.message);
  for (const id of trailers.checkpoints) {
    // Where the message names the session too, a hook has noted it, and the work behind it may be still to come.
    if (trailers.sessions.includes(made.sessionId) || (await holds(context, id, made)))
      return { id, changed: false };
  }
  const id = idOf(context.layout, made, commit);
  const changed = !(await holds(context, id, made)) && (await write(context, { made, commit, id }));
  // The message says nothing of it, and need not: who made it is known.
  keepLinks(context.repository, [
    {
      commit: made.commit,
      checkpoint: id,
      confidence: "certain",
      from: made.commit,
      reason: `run ${made.run} made it`,
    },
  ]);
  return { id, changed };
}

async function holds({ store }: FlowContext, id: string, { sessionId }: RunCommit): Promise<boolean> {
  const stored = await store.read(id);
  return stored !== null && slotOf(stored, sessionId) !== undefined;
}

interface Making {
  readonly made: RunCommit;
  readonly commit: Commit;
  readonly id: string;
}

async function write(context: FlowContext, { made, commit, id }: Making): Promise<boolean> {
  const { repository, redactor, cliVersion, isWhole } = context;
  const batch = repository.batch();
  const content = await sessionContent({
    folder: contentFolder(context, made.sessionId),
    redactor,
    objects: repository.objects,
    batch,
    content: Buffer.from(made.transcript),
    final: true,
    partFrom: made.partFrom,
    prompts: made.prompts,
    cliVersion,
    form: isWhole ? "whole" : "chunks",
  });
  await content.keep();
  const anchors = await redactedAnchors(context, [{ id: made.commit, ...commit }]);
  const changed = await changedPaths(repository, { commit: made.commit });
  const { model, branch } = made;
  const { refs, changed: isNew } = await context.store.write({
    id,
    strategy,
    cliVersion,
    ...(branch === undefined ? {} : { branch }),
    root: {
      ...(made.hasUsage ? content.root : {}),
      linked_commits: [await linkedCommit(context, made.commit)],
      ...anchorFields(anchors),
    },
    sessions: [
      {
        sessionId: made.sessionId,
        ...content.input,
        metadata: {
          created_at: new Date(commit.committer.atMs).toISOString(),
          ...(branch === undefined ? {} : { branch }),
          checkpoints_count: made.prompts.length,
          ...filesTouched(changed.keys()),
          agent: displayName(made.agent),
          ...partFields(made, content),
          ...(model === undefined ? {} : { model }),
          ...(content.compactLines === 0
            ? {}
            : { compact_transcript_start: await compactStart(made, cliVersion) }),
          run_id: made.run,
        },
      },
    ],
  });
  if (isNew) await queueRefs(context, refs);
  return isNew;
}

/** What the part tells, and from which line on its tokens count. */
function partFields(
  { hasUsage }: RunCommit,
  { metadata, lines }: SessionContent,
): Readonly<Record<string, unknown>> {
  return hasUsage
    ? { ...metadata, token_transcript_start: metadata["checkpoint_transcript_start"] }
    : { ...metadata, token_usage: undefined, session_metrics: undefined, token_transcript_start: lines };
}

async function compactStart({ transcript, partFrom }: RunCommit, cliVersion: string): Promise<number> {
  const lines = transcript.split("\n");
  const from = async function* (first: number): AsyncGenerator<string> {
    yield* lines.slice(first);
  };
  return partFrom === 0 ? 0 : await compactLinesBefore(from, { end: partFrom, cliVersion });
}

/** The same for the same commit of the same run, so that nothing has to be kept of it. */
function idOf(layout: Layout, { commit, sessionId, run }: RunCommit, { committer }: Commit): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([commit, sessionId, run]))
    .digest();
  const random: RandomBytes = (count) => digest.subarray(0, count);
  return layout === "git-refs" ? mintUlid({ nowMs: committer.atMs, random }) : mintHexId(random);
}

function noSession(sessionId: string): HoldfastError {
  return new HoldfastError({
    code: "checkpoint_invalid",
    message: `${JSON.stringify(sessionId.slice(0, 80))} cannot be the name of a session in a checkpoint.`,
    next: "Give one of at most 128 letters, digits, dots, dashes and underscores.",
  });
}

function noCommit(commit: string): HoldfastError {
  return new HoldfastError({
    code: "git_ref_invalid",
    message: `There is no commit ${JSON.stringify(commit.slice(0, 80))} in this repository.`,
    next: "Run this in the repository that the run worked in.",
  });
}
