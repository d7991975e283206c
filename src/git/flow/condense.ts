import { HoldfastError } from "../../core/errors.ts";
import { type Anchor, anchorFields } from "../reading/anchors.ts";
import { claimsOf } from "./claims.ts";
import { changedPaths } from "./commit-changes.ts";
import { type CommitEvent, commitEventOf } from "./commit-event.ts";
import type { FlowContext } from "./flow-context.ts";
import { isGone } from "./gone-commit.ts";
import { linkCommit, linkedCommit } from "./linked-commits.ts";
import { alwaysRun, transition } from "./phases.ts";
import { redactedAnchors } from "./redacted-anchors.ts";
import { isPending } from "./session-state.ts";
import type { SpooledEvent } from "./spool.ts";
import { writeClaims } from "./write-claims.ts";

/**
 * Brings the sessions that a commit belongs to into the checkpoint that was made for it. Each step does nothing when it
 * is done again, and what is known of a session changes last: a worker that dies anywhere makes the same checkpoint.
 */
export async function condenseCommit(context: FlowContext, spooled: SpooledEvent): Promise<void> {
  const event = commitEventOf(spooled);
  if (event === undefined) throw notACommit(spooled.name);
  // Of a rebase post-rewrite tells what came of each commit.
  if (event.isRewriting && !event.isCherryPick) return;
  const { minted, linked } = event;
  if (minted !== undefined || linked.length > 0) {
    if (await isGone(context, event)) return;
    const anchor = await anchorOf(context, event);
    if (minted !== undefined && !event.isRewriting)
      await condenseNew(context, { event, id: minted, anchor }).catch((error: unknown) => {
        heardOf(context, event);
        throw error;
      });
    for (const id of linked) await linkCommit(context, { id, anchor });
  }
  if (!event.isRewriting) moveBases(context, event);
}

async function condenseNew(
  context: FlowContext,
  { event, id, anchor }: { readonly event: CommitEvent; readonly id: string; readonly anchor: Anchor },
): Promise<void> {
  const changed = await changedPaths(context.repository, { commit: event.commit });
  const claims = await claimsOf(context, { ...event, changed, named: event.sessions });
  const root = { linked_commits: [await linkedCommit(context, event.commit)], ...anchorFields([anchor]) };
  await writeClaims(context, { id, event, claims, changed, root });
}

/** That a session is alive is known also where its work failed. */
function heardOf({ sessions }: FlowContext, event: CommitEvent): void {
  for (const sessionId of event.sessions)
    sessions.change(sessionId, (now) => {
      if (now === undefined) return undefined;
      const { actions } = transition(now.phase, "git_commit", { hasFiles: now.filesTouched.length > 0 });
      const isHeard = actions.some((action) => action === "update_last_interaction" && alwaysRun.has(action));
      return isHeard ? { ...now, lastInteractionAtMs: Math.max(now.lastInteractionAtMs, event.atMs) } : now;
    });
}

async function anchorOf(
  context: FlowContext,
  { commit, tree, parents, message }: CommitEvent,
): Promise<Anchor> {
  const [anchor] = await redactedAnchors(context, [{ id: commit, tree, parents, message }]);
  return anchor!;
}

/** What is pending in a worktree stands on its new commit from now on. */
function moveBases({ sessions }: FlowContext, { worktree, parents, commit }: CommitEvent): void {
  for (const { sessionId, ...state } of sessions.list().sessions) {
    const stands = state.baseCommit !== undefined && parents.includes(state.baseCommit);
    if (state.worktree === worktree && isPending(state) && stands)
      sessions.change(sessionId, (now) => (now === undefined ? undefined : { ...now, baseCommit: commit }));
  }
}

function notACommit(name: string): HoldfastError {
  return new HoldfastError({
    code: "git_event_invalid",
    message: `The event ${name} names no commit.`,
    next: "Remove its file from holdfast/spool in the git folder.",
  });
}
