import { randomBytes } from "node:crypto";
import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError, isHoldfastError } from "../../../core/errors.ts";
import { worktreeKey } from "../../flow/place.ts";
import type { ObjectId } from "../../plumbing/objects.ts";
import type { Repository } from "../../plumbing/repository.ts";

/** What the files were before a rewind, kept under a ref of ours. */
export interface KeptState {
  readonly ref: string;
  /** A commit of the files that git follows; among its parents are HEAD and a commit of the index. */
  readonly commit: ObjectId;
  /** The trees between which files were moved. */
  readonly fromTree: ObjectId;
  readonly toTree: ObjectId;
  readonly target: ObjectId;
  readonly checkpoint: string;
}

/** Where states before rewinds are kept. */
export const rewindRefs = "refs/holdfast/rewind/";

/** The tree of the index. @throws rewind_refused in the middle of a merge */
export async function indexTree(repository: Repository): Promise<ObjectId> {
  try {
    return (await repository.git(["write-tree"])).stdout.toString().trim();
  } catch (error) {
    if (!isHoldfastError(error) || error.code !== "git_failed") throw error;
    throw new HoldfastError({
      code: "rewind_refused",
      message: "The index holds a merge that is not done.",
      next: "Finish it or give it up with git, and try again.",
      cause: error,
    });
  }
}

/** Keeps all files as they are now under a new ref. */
export async function keepState(
  repository: Repository,
  {
    fromTree,
    toTree,
    target,
    checkpoint,
    nowMs,
  }: Omit<KeptState, "ref" | "commit"> & { readonly nowMs: number },
): Promise<KeptState> {
  const index = await indexTree(repository);
  const files = await filesTree(repository);
  const head = await repository.refs.read("HEAD");
  const who = await repository.identity();
  const batch = repository.batch();
  const by = { author: who, committer: who };
  const parents = head === null ? [] : [head];
  const indexCommit = batch.commit({ ...by, tree: index, parents, message: "Index before a rewind\n" });
  const message = [
    `Files before the rewind to ${target}`,
    "",
    `Rewind-Checkpoint: ${checkpoint}`,
    `Rewind-Target: ${target}`,
    `Rewind-From-Tree: ${fromTree}`,
    `Rewind-To-Tree: ${toTree}`,
    `Rewind-Worktree: ${worktreeKey(repository)}`,
    "",
  ].join("\n");
  // The trees are named by commits, so that nothing prunes them.
  const fromCommit = batch.commit({ ...by, tree: fromTree, parents: [], message: "Start of a rewind\n" });
  const commit = batch.commit({
    ...by,
    tree: files,
    parents: [...new Set([...parents, indexCommit, fromCommit, target])],
    message,
  });
  await batch.flush();
  const ref = await freshRef(repository, commit, nowMs);
  return { ref, commit, fromTree, toTree, target, checkpoint };
}

/** The states that were kept in this worktree, latest first. */
export async function keptStates(repository: Repository): Promise<readonly KeptState[]> {
  const refs = await repository.refs.list(rewindRefs);
  const states: KeptState[] = [];
  for (const { name, id } of refs.toReversed()) {
    const message = (await repository.objects.commit(id))?.message ?? "";
    const valueOf = (key: string): string => new RegExp(`^${key}: (\\S+)$`, "m").exec(message)?.[1] ?? "";
    if (valueOf("Rewind-Worktree") !== worktreeKey(repository)) continue;
    const [fromTree, toTree] = [valueOf("Rewind-From-Tree"), valueOf("Rewind-To-Tree")];
    if (![fromTree, toTree].every((tree) => /^[0-9a-f]{40,64}$/.test(tree))) continue;
    const told = { target: valueOf("Rewind-Target"), checkpoint: valueOf("Rewind-Checkpoint") };
    states.push({ ref: name, commit: id, fromTree, toTree, ...told });
  }
  return states;
}

/** The tree of all files that git follows, as they lie in the worktree, by an index of its own. */
async function filesTree(repository: Repository): Promise<ObjectId> {
  const folder = join(repository.commonDir, "holdfast", "rewind");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const index = join(folder, `index.${process.pid}.${randomBytes(4).toString("hex")}`);
  const env = { GIT_INDEX_FILE: index };
  try {
    // With what the user's index knows: what is not checked out in a sparse worktree is not taken for deleted.
    await copyFile(join(repository.gitDir, "index"), index).catch(() => undefined);
    // Files that git does not follow are never touched, and may be large.
    const add = ["add", "--update", "--ignore-errors", "--", ":/"];
    await repository.git(add, { env, codes: [0, 1], timeoutMs: 600_000 });
    return (await repository.git(["write-tree"], { env })).stdout.toString().trim();
  } finally {
    await rm(index, { force: true });
    await rm(`${index}.lock`, { force: true });
  }
}

async function freshRef(repository: Repository, to: ObjectId, nowMs: number): Promise<string> {
  const time = new Date(nowMs).toISOString().replaceAll(/[-:]/g, "");
  for (let count = 0; ; count += 1) {
    // Names sort by time.
    const name = `${rewindRefs}${time.replace("Z", String(count).padStart(3, "0"))}Z`;
    const done = await repository.refs.update({ name, from: null, to, reason: "holdfast: rewind" });
    if (done === "updated") return name;
  }
}
