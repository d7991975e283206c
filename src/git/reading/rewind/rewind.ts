import { HoldfastError, isHoldfastError } from "../../../core/errors.ts";
import type { ObjectId } from "../../plumbing/objects.ts";
import type { Repository } from "../../plumbing/repository.ts";
import { type CommitRecord, isCommitHere, readCommit } from "../commits.ts";
import { commitsOf } from "../explain.ts";
import type { FactsIndex } from "../facts-index.ts";
import { knownLinks } from "../known-links.ts";
import { type ChangedPath, changedPaths } from "./changed-paths.ts";
import { type Obstacles, obstaclesOf, submodulesIn } from "./obstacles.ts";
import { restoreInterrupted } from "./interrupted.ts";
import { indexTree, keepState, type KeptState, keptStates } from "./state.ts";

/** What a rewind did, or would do. */
export interface Rewound {
  readonly checkpoint: string;
  /** The commit whose files are here now. */
  readonly target: ObjectId;
  readonly paths: readonly ChangedPath[];
  /** Submodules of which the target names another commit; their files are left where they are. */
  readonly submodules: readonly string[];
  /** Where all files as they were before are kept; null where nothing was changed. */
  readonly kept: KeptState | null;
}

export interface RewindParams {
  readonly repository: Repository;
  readonly index: FactsIndex;
  readonly checkpoint: string;
  readonly nowMs: number;
  /** Look only. */
  readonly dryRun: boolean;
}

/**
 * Brings the files back to the commit of a checkpoint, by git's own merge of two trees, and leaves HEAD where it is.
 * Work that is nowhere else is never overwritten. @throws rewind_refused
 */
export async function rewind(params: RewindParams): Promise<Rewound> {
  const { repository, index, checkpoint, nowMs, dryRun } = params;
  const here = withWorktree(repository);
  const target = await targetOf(here, index, checkpoint);
  const fromTree = await startTree(here);
  const paths = await changedPaths(here, fromTree, target.tree);
  checkObstacles(await obstaclesOf(here, paths, fromTree), paths);
  const done = { checkpoint, target: target.id, paths, submodules: submodulesIn(paths) };
  if (dryRun || paths.length === 0) return { ...done, kept: null };
  const state = { fromTree, toTree: target.tree, target: target.id, checkpoint, nowMs };
  const kept = await keepState(here, state);
  try {
    await moveFiles(here, fromTree, target.tree);
  } catch (error) {
    if (!(await isMoved(here, paths, fromTree)))
      await here.refs.update({ name: kept.ref, from: kept.commit, to: null });
    throw error;
  }
  return { ...done, kept };
}

/** Takes the last rewind of this worktree back. @throws rewind_refused */
export async function undoRewind({
  repository,
  dryRun,
}: Pick<RewindParams, "repository" | "dryRun">): Promise<Rewound> {
  const here = withWorktree(repository);
  const [kept] = await keptStates(here);
  if (kept === undefined) throw refused("Nothing was rewound in this worktree.", "There is nothing to undo.");
  const paths = await changedPaths(here, kept.toTree, kept.fromTree);
  // The index is written last: while it is as before the rewind, some files may have been moved already.
  const isInterrupted = (await indexTree(here)) === kept.fromTree;
  if (!isInterrupted) checkObstacles(await obstaclesOf(here, paths, kept.toTree), paths);
  if (!dryRun) {
    if (isInterrupted) await restoreInterrupted(here, await changedPaths(here, kept.fromTree, kept.toTree));
    else await moveFiles(here, kept.toTree, kept.fromTree);
    await here.refs.update({ name: kept.ref, from: kept.commit, to: null });
  }
  const { checkpoint, target } = kept;
  return { checkpoint, target, paths, submodules: submodulesIn(paths), kept };
}

type WithWorktree = Repository & { readonly worktree: string };

function withWorktree(repository: Repository): WithWorktree {
  if (repository.worktree !== null) return repository as WithWorktree;
  throw refused("This repository has no files of its own: it is bare.", "Go to a worktree of it.");
}

/** The commit of a checkpoint: the newest whose trailer names it, before those that were linked otherwise. */
async function targetOf(
  repository: Repository,
  index: FactsIndex,
  checkpoint: string,
): Promise<CommitRecord> {
  const [named] = await commitsOf(repository, { id: checkpoint });
  if (named !== undefined) return named;
  for (const link of [...(await knownLinks({ repository, index })).values()].flat())
    if (link.checkpoint === checkpoint && (await isCommitHere(repository, link.commit)))
      return readCommit(repository, link.commit);
  throw refused(
    `No commit here names the checkpoint ${checkpoint}.`,
    "Look for one that lost its trailer with: holdfast git link --write",
  );
}

/** The tree that the files are taken from: that of HEAD, or where a rewind left them. */
async function startTree(repository: Repository): Promise<ObjectId> {
  const index = await indexTree(repository);
  const states = await keptStates(repository);
  if (states.some(({ toTree }) => toTree === index)) return index;
  const head = await repository.refs.read("HEAD");
  const commit = head === null ? null : await repository.objects.commit(head);
  if (commit !== null) return commit.tree;
  throw refused("This branch has no commit yet.", "Commit your work first.");
}

/** Whether files are not as before, so that what is kept of them is needed. */
async function isMoved(
  repository: WithWorktree,
  paths: readonly ChangedPath[],
  fromTree: ObjectId,
): Promise<boolean> {
  const { changed, untracked } = await obstaclesOf(repository, paths, fromTree);
  return changed.length + untracked.length > 0;
}

async function moveFiles(repository: Repository, from: ObjectId, to: ObjectId): Promise<void> {
  // Whatever `submodule.recurse` says: what is in a submodule is never moved.
  const args = ["read-tree", "-m", "-u", "--no-recurse-submodules", from, to];
  try {
    await repository.git(args, { timeoutMs: 600_000 });
  } catch (error) {
    if (!isHoldfastError(error) || error.code !== "git_failed") throw error;
    const said = String(error.data["stderr"])
      .replace(/^error: /gm, "")
      .trim();
    throw refused(`git does not move the files: ${said.replace(/\.?$/, "")}.`, commitFirst, error);
  }
}

const commitFirst = "Commit or stash that work, or move it away, and try again.";
const maxNamed = 10;

function checkObstacles(
  { operation, changed, untracked, submodules, colliding }: Obstacles,
  paths: readonly ChangedPath[],
): void {
  if (operation !== null)
    throw refused(`git is in the middle of ${operation}.`, "Finish it or give it up, and try again.");
  if (changed.length > 0)
    throw refused(
      `${named(changed)} ${changed.length === 1 ? "has" : "have"} changes that would be lost.`,
      commitFirst,
    );
  if (untracked.length > 0)
    throw refused(
      `${named(untracked)} would be overwritten, and git does not keep ${untracked.length === 1 ? "it" : "them"}.`,
      commitFirst,
    );
  if (submodules.length > 0)
    throw refused(
      `${named(submodules)} ${submodules.length === 1 ? "holds" : "hold"} files, and only one of the two commits has a submodule there.`,
      "Push or copy the work that is in there, move the folder away, and try again.",
    );
  if (colliding.length > 0)
    throw refused(
      `This file system takes ${named(colliding)} for one name.`,
      "Use a file system that tells them apart.",
    );
  const control = paths.find(({ path }) => /\p{Cc}/u.test(path));
  if (control !== undefined)
    throw refused(
      `The name ${JSON.stringify(control.path)} holds control characters.`,
      "Check that commit out with git.",
    );
}

function named(names: readonly string[]): string {
  const shown = names
    .slice(0, maxNamed)
    .map((name) => JSON.stringify(name))
    .join(", ");
  return names.length > maxNamed ? `${shown} and ${names.length - maxNamed} more` : shown;
}

function refused(message: string, next: string, cause?: unknown): HoldfastError {
  return new HoldfastError({ code: "rewind_refused", message, next, cause });
}
