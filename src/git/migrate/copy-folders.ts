import type { ListedCheckpoint } from "../checkpoint-store.ts";
import { branchRef, trackedBranch } from "../format/checkpoint-refs.ts";
import { branchStartMessage, importMessage } from "../format/commit-message.ts";
import { refOfCheckpoint } from "../format/ids.ts";
import { isDamage } from "../damage.ts";
import { advanceRef } from "../layouts/advance-ref.ts";
import { treeOfRef } from "../layouts/layout-commit.ts";
import { ShardedTree } from "../layouts/v2/sharded-tree.ts";
import { createRefs } from "../plumbing/create-refs.ts";
import type { Identity, ObjectBatch, ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import { commitOf, timeOf } from "./commit-of.ts";
import type { MigrateWork } from "./migrate.ts";
import { retargeted } from "./retarget.ts";

/**
 * Copies whole folders between the two layouts that share their form, many at a time; gives the checkpoints of which
 * the target has another copy, to be joined one by one.
 */
export async function copyFolders(
  work: MigrateWork,
  listed: readonly ListedCheckpoint[],
): Promise<readonly ListedCheckpoint[]> {
  const rest: ListedCheckpoint[] = [];
  const inTime = work.to === "git-branch" ? await oldestFirst(work, listed) : listed;
  for (let at = 0; at < inTime.length; at += batchSize) {
    const part = inTime.slice(at, at + batchSize);
    const batch = work.repository.batch();
    const folders = await foldersOf({ work, batch, listed: part });
    const others = folders.filter(({ isOther }) => isOther);
    rest.push(...others.map((folder) => folder.listed));
    const steps = folders.filter(({ isOther }) => !isOther);
    await (work.to === "git-refs" ? toRefs(work, batch, steps) : toBranch(work, steps));
    work.onDone(part.length - others.length);
  }
  return rest;
}

const batchSize = 1000;
const atOnce = 64;
const reason = "holdfast: migrate";

interface Folder {
  readonly listed: ListedCheckpoint;
  readonly tree: ObjectId;
  readonly author: Identity;
  /** The target has another copy that is not simply an older one. */
  readonly isOther: boolean;
  /** The target has just this. */
  readonly isThere: boolean;
}

async function oldestFirst(
  work: MigrateWork,
  listed: readonly ListedCheckpoint[],
): Promise<readonly ListedCheckpoint[]> {
  const times = new Map<string, number>();
  await inParts(listed, async (one) => times.set(one.id, await timeOf(work, one)));
  const known = ({ id }: ListedCheckpoint): number => times.get(id) ?? 0;
  return listed.toSorted((a, b) => known(a) - known(b) || (a.id < b.id ? -1 : 1));
}

async function foldersOf({
  work,
  batch,
  listed,
}: {
  work: MigrateWork;
  batch: ObjectBatch;
  listed: readonly ListedCheckpoint[];
}): Promise<readonly Folder[]> {
  const folders = await inParts(listed, async (one) => {
    try {
      return await folderOf({ work, batch, listed: one });
    } catch (error) {
      work.tally.problems.push({
        id: one.id,
        reason: error instanceof Error ? error.message : String(error),
      });
      return undefined;
    }
  });
  return folders.filter((folder) => folder !== undefined);
}

async function folderOf({
  work,
  batch,
  listed,
}: {
  work: MigrateWork;
  batch: ObjectBatch;
  listed: ListedCheckpoint;
}): Promise<Folder | undefined> {
  const { id } = listed;
  const { objects } = work.repository;
  const commit = work.from === "git-refs" ? await commitOf(work, listed) : null;
  const source = commit?.tree ?? (await folderAt(work, listed));
  const to = work.to === "git-refs" ? "bare" : "sharded";
  const tree = await retargeted({ objects, batch, id, tree: source, to });
  if (tree === undefined) throw new Error("Its folder is not in the repository.");
  const author = work.authors.get(id) ?? commit?.author ?? (await work.repository.identity());
  const there = work.there.get(id);
  if (there === undefined) return { listed, tree, author, isOther: false, isThere: false };
  const isThere = work.to === "git-branch" ? there === tree : await hasTree(work, there, tree);
  const isOther = !isThere && !(work.to === "git-refs" && (await isImport(work, id, there)));
  return { listed, tree, author, isOther, isThere };
}

/** Of a ref this is only asked where its commit could not be read: it throws why, with the ref's name. */
async function folderAt({ repository, from }: MigrateWork, listed: ListedCheckpoint): Promise<ObjectId> {
  const { id, version } = listed;
  if (from !== "git-refs") return version;
  return await treeOfRef(repository.objects, { ref: refOfCheckpoint(id), version, id });
}

// More commits than that no checkpoint has had; a history made to be long must not hold all others up.
const maxHistory = 1000;

/** Whether the first-parent history has had a tree (section 8): what was written since is newer. */
async function hasTree({ repository }: MigrateWork, tip: ObjectId, tree: ObjectId): Promise<boolean> {
  let next: ObjectId | undefined = tip;
  for (let count = 0; next !== undefined && count < maxHistory; count += 1) {
    const commit: { readonly tree: ObjectId; readonly parents: readonly ObjectId[] } | null =
      await repository.objects.commit(next);
    if (commit?.tree === tree) return true;
    next = commit?.parents[0];
  }
  return false;
}

async function isImport({ repository }: MigrateWork, id: string, tip: ObjectId): Promise<boolean> {
  const message = (await repository.objects.commit(tip))?.message ?? "";
  return message.trimEnd() === importMessage(id);
}

async function toRefs(work: MigrateWork, batch: ObjectBatch, folders: readonly Folder[]): Promise<void> {
  const { repository, tally, there, dryRun, queue } = work;
  const missing = folders.filter(({ isThere }) => !isThere);
  const commits = missing.map(({ listed: { id }, tree, author }) => {
    const parents = there.has(id) ? [there.get(id)!] : [];
    return {
      id,
      commit: batch.commit({ tree, parents, author, committer: author, message: importMessage(id) }),
    };
  });
  tally.unchanged += folders.length - missing.length;
  tally.created += commits.filter(({ id }) => !there.has(id)).length;
  tally.extended += commits.filter(({ id }) => there.has(id)).length;
  if (dryRun) return;
  await batch.flush();
  // Before the refs: killed in between, a name waits in vain, but no ref is forgotten.
  await queue.add(folders.map(({ listed: { id } }) => refOfCheckpoint(id)));
  const refs = commits.map(({ id, commit }) => ({ id, name: refOfCheckpoint(id), commit }));
  const taken = await createRefs(
    repository,
    refs.flatMap(({ id, name, commit }) => (there.has(id) ? [] : [{ name, id: commit }])),
    { reason },
  );
  for (const { id, name, commit } of refs) {
    const isMoved =
      taken.includes(name) ||
      (there.has(id) &&
        (await repository.refs.update({ name, from: there.get(id)!, to: commit, reason })) === "moved");
    if (isMoved) tally.problems.push({ id, reason: "Another process wrote it meanwhile: migrate again." });
  }
}

async function toBranch(work: MigrateWork, folders: readonly Folder[]): Promise<void> {
  const { repository, tally, dryRun, queue } = work;
  const absent = folders.filter(({ isThere }) => !isThere);
  const missing = await withShard(work, absent);
  tally.unchanged += folders.length - absent.length;
  tally.created += missing.length;
  if (dryRun) return;
  await queue.add([branchRef]);
  await advanceRef(repository, {
    ref: branchRef,
    reason,
    next: async (tip, batch) => {
      const base = tip ?? (await fetchedBranch(repository));
      return { to: await commitsOf({ work, base, batch, folders: missing }), result: undefined };
    },
  });
}

/** Those whose place in the branch can be read; the others are told. */
async function withShard(work: MigrateWork, folders: readonly Folder[]): Promise<readonly Folder[]> {
  const { repository, tally } = work;
  const tip = (await repository.refs.read(branchRef)) ?? (await fetchedBranch(repository));
  const sharded = await ShardedTree.at(repository.objects, tip);
  const found: Folder[] = [];
  for (const folder of folders) {
    const { id } = folder.listed;
    try {
      await sharded.folder(id);
      found.push(folder);
    } catch (error) {
      if (!isDamage(error)) throw error;
      tally.problems.push({ id, reason: `Its shard of ${branchRef} cannot be read: ${error.message}` });
    }
  }
  return found;
}

function fetchedBranch({ refs }: Repository): Promise<ObjectId | null> {
  return refs.read(trackedBranch("origin"));
}

/** One commit a checkpoint, so that each keeps who wrote it and when. */
async function commitsOf({
  work,
  base,
  batch,
  folders,
}: {
  work: MigrateWork;
  base: ObjectId | null;
  batch: ObjectBatch;
  folders: readonly Folder[];
}): Promise<ObjectId | null> {
  const { objects } = work.repository;
  const sharded = await ShardedTree.at(objects, base);
  let tip = base;
  for (const { listed, author } of folders) {
    // Anew for this batch: another process may have made the last one's useless.
    const tree = await folderInto({ work, batch, listed });
    if ((await sharded.folder(listed.id)) !== undefined || tree === undefined) continue;
    const fields = { author, committer: author };
    const start = { ...fields, tree: batch.tree([]), parents: [], message: branchStartMessage };
    tip ??= batch.commit(start);
    await sharded.put(listed.id, tree);
    tip = batch.commit({
      ...fields,
      tree: sharded.write(batch),
      parents: [tip],
      message: `Checkpoint: ${listed.id}\n`,
    });
  }
  return tip;
}

async function folderInto({
  work,
  batch,
  listed: { id, version },
}: {
  work: MigrateWork;
  batch: ObjectBatch;
  listed: ListedCheckpoint;
}): Promise<ObjectId | undefined> {
  const { objects } = work.repository;
  const commit = await objects.commit(version);
  if (commit === null) return undefined;
  return await retargeted({ objects, batch, id, tree: commit.tree, to: "sharded" });
}

/** Asks for many at once, and for so many that memory stays small. */
async function inParts<Item, Result>(
  items: readonly Item[],
  act: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += atOnce)
    results.push(...(await Promise.all(items.slice(at, at + atOnce).map(act))));
  return results;
}
