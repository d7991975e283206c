import { HoldfastError } from "../../core/errors.ts";
import type { CheckpointInput } from "../checkpoint-store.ts";
import { tokenUsageVersion } from "../content/usage.ts";
import { type Anchor, anchorFields } from "../reading/anchors.ts";
import { computeAnchors } from "../reading/commit-anchors.ts";
import { afterCheckpoint, type LeftOver } from "./after-checkpoint.ts";
import { type Claim, claimsOf } from "./claims.ts";
import { type ChangedPath, changedPaths, differingFiles, untrackedFiles } from "./commit-changes.ts";
import { type CommitEvent, commitEventOf } from "./commit-event.ts";
import { type FlowContext, queueRefs, strategy } from "./flow-context.ts";
import { keepProgress } from "./kept-progress.ts";
import { linkCommit, linkedCommit } from "./linked-commits.ts";
import { sessionInputOf } from "./session-input.ts";
import { takeTasks } from "./session-tasks.ts";
import { fieldOf, Spool, type SpooledEvent } from "./spool.ts";
import { isPending } from "./session-state.ts";

/**
 * Brings the sessions that a commit belongs to into the checkpoint that was made for it. Each step does nothing when it
 * is done again, and the session's state changes last: a worker that dies anywhere makes the same checkpoint anew.
 */
export async function condenseCommit(context: FlowContext, spooled: SpooledEvent): Promise<void> {
  const event = commitEventOf(spooled);
  if (event === undefined) throw notACommit(spooled.name);
  // At the end of a rebase post-rewrite tells what came of each commit.
  if (event.isRewriting && !event.isCherryPick) return;
  const isLinked = event.minted !== undefined || event.linked.length > 0;
  const anchor = isLinked ? await anchorOf(context, event) : undefined;
  if (event.minted !== undefined && !event.isRewriting)
    await condenseInto(context, { ...event, id: event.minted, anchor: anchor!, event });
  for (const id of event.linked) await linkCommit(context, { id, anchor: anchor! });
  if (!event.isRewriting) moveBases(context, event);
}

/** What a checkpoint is made for. */
export interface CondenseParams {
  readonly id: string;
  readonly anchor: Anchor;
  readonly event: Pick<CommitEvent, "name" | "atMs" | "commit" | "worktree" | "sessions" | "hasInherited">;
}

async function condenseInto(context: FlowContext, params: CondenseParams): Promise<void> {
  const { id, anchor, event } = params;
  const changed = await changedPaths(context.repository, { commit: event.commit });
  const claims = await claimsOf(context, { ...event, changed, named: event.sessions });
  await writeClaims(context, { id, anchor, event, claims, changed });
}

/** Writes sessions into a checkpoint, and then changes what is known of them. */
export async function writeClaims(
  context: FlowContext,
  params: CondenseParams & {
    readonly claims: readonly Claim[];
    readonly changed: ReadonlyMap<string, ChangedPath>;
    /** The sessions' records, where it is not a new checkpoint. */
    readonly stored?: CheckpointInput["sessions"];
  },
): Promise<void> {
  const { id, anchor, event, claims, changed } = params;
  if (claims.length === 0) return;
  const stops = stopsAfter(context, event.name);
  const left = new Map<string, LeftOver>();
  for (const { state } of claims)
    if (!left.has(state.worktreePath))
      left.set(state.worktreePath, await leftOver(context, event.commit, state.worktreePath));
  const tasks = await Promise.all(claims.map(({ state }) => takeTasks(context, state)));
  const [first] = claims;
  const { branch } = first!.state;
  const written = await context.store.write({
    id,
    strategy,
    cliVersion: context.cliVersion,
    ...(branch === undefined ? {} : { branch }),
    root: {
      token_usage_version: tokenUsageVersion,
      linked_commits: [await linkedCommit(context, event.commit)],
      ...anchorFields([anchor]),
    },
    sessions: params.stored ?? claims.map((claim) => sessionInputOf(context, { claim, event })),
    tasks: tasks.flat(),
  });
  await queueRefs(context, written.refs);
  for (const claim of claims) {
    const { sessionId, phase, worktreePath } = claim.state;
    await claim.part?.keep();
    const isTurnOpen = phase === "active" || stops.has(sessionId);
    const done = { id, event, claim, changed, isTurnOpen, left: left.get(worktreePath)! };
    const after = context.sessions.change(sessionId, (now) =>
      now === undefined ? undefined : afterCheckpoint(now, done),
    );
    if (after !== undefined) keepProgress(context, after);
  }
}

export async function anchorOf(
  { repository }: FlowContext,
  { commit, tree, parents, subject }: Pick<CommitEvent, "commit" | "tree" | "parents" | "subject">,
): Promise<Anchor> {
  const [anchor] = await computeAnchors(repository, [{ id: commit, tree, parents, subject }]);
  return anchor!;
}

/** Sessions that stop after an event: their turn was not over when it happened. */
function stopsAfter({ repository }: FlowContext, name: string): ReadonlySet<string> {
  const spool = new Spool(repository);
  const later = spool.names().filter((other) => other > name);
  return new Set(
    later.flatMap((other) => {
      const event = spool.read(other);
      return event?.kind === "agent" && fieldOf(event, "verb") === "stop"
        ? (fieldOf(event, "session") ?? [])
        : [];
    }),
  );
}

async function leftOver(
  { repository }: FlowContext,
  commit: string,
  worktreePath: string,
): Promise<LeftOver> {
  const differing = await differingFiles(repository, { commit, worktreePath });
  const untracked = await untrackedFiles(repository, { worktreePath });
  return differing === undefined || untracked === undefined
    ? undefined
    : new Set([...differing, ...untracked]);
}

/** What is pending in a worktree stands on its new commit from now on. */
function moveBases({ sessions }: FlowContext, { worktree, parents, commit }: CommitEvent): void {
  for (const state of sessions.list().sessions) {
    const stands = state.baseCommit !== undefined && parents.includes(state.baseCommit);
    if (state.worktree === worktree && isPending(state) && stands)
      sessions.change(state.sessionId, (now) =>
        now === undefined ? undefined : { ...now, baseCommit: commit },
      );
  }
}

function notACommit(name: string): HoldfastError {
  return new HoldfastError({
    code: "git_event_invalid",
    message: `The event ${name} names no commit.`,
    next: "Remove its file from holdfast/spool in the git folder.",
  });
}
