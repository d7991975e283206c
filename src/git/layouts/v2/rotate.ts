import type { ObjectBatch, ObjectId } from "../../plumbing/objects.ts";
import type { Repository } from "../../plumbing/repository.ts";
import { v2ArchivePrefix, v2CurrentRef } from "../../format/checkpoint-refs.ts";
import { archivesOf } from "./full-refs.ts";
import { generationFile } from "./generation.ts";
import { type PendingRotation, addPending, dropPending, pendingRotations } from "./pending.ts";
import { ShardedTree } from "./sharded-tree.ts";

/**
 * Makes an archive of current where it holds so many checkpoints, and begins it anew; gives the archive's ref. The marker
 * is there before any ref moves, and the archive before current is begun anew: killed in between, nothing is out of
 * reach, and {@link mendRotation} ends it (specification, section 6.3).
 */
export async function rotate(
  repository: Repository,
  { at }: { readonly at: number },
): Promise<string | null> {
  const current = await repository.refs.read(v2CurrentRef);
  if (current === null) return null;
  if ((await (await ShardedTree.at(repository.objects, current)).all()).length < at) return null;
  const archiveRef = await nextArchive(repository);
  const batch = repository.batch();
  const archiveCommit = await archiveOf(repository, { current, parents: [current], batch });
  const resetRoot = await startOf(repository, batch);
  await batch.flush();
  if ((await repository.refs.read(v2CurrentRef)) !== current) return null;
  const rotation = {
    archiveRef,
    archiveCommit,
    previousCurrent: current,
    resetRoot,
    queuedAt: new Date().toISOString(),
  };
  await addPending(repository.commonDir, rotation);
  if (
    (await repository.refs.update({ name: archiveRef, from: null, to: archiveCommit, reason })) === "moved"
  ) {
    await dropPending(repository.commonDir, [archiveRef]);
    return null;
  }
  // Another one wrote to current meanwhile: mended like a rotation that was cut short.
  if ((await reset(repository, rotation)) === "moved") await mendRotation(repository);
  return archiveRef;
}

/**
 * Ends a rotation that was cut short, and forgets markers of those that never began. Of all others, which wait for a
 * push, only the newest is looked at: once it has begun, the older ones are of a line that current is not on, or that
 * its archive has taken in.
 */
export async function mendRotation(repository: Repository): Promise<void> {
  for (const rotation of (await pendingRotations(repository.commonDir)).toReversed()) {
    let outcome: Mended = "moved";
    for (let tries = 0; tries < maxTries && outcome === "moved"; tries += 1)
      outcome = await mendOne(repository, rotation);
    if (outcome !== "forgotten") return;
  }
}

/** The commit of an archive: what current holds, and when it is of. */
export async function archiveOf(
  repository: Repository,
  {
    current,
    parents,
    batch,
  }: { readonly current: ObjectId; readonly parents: readonly ObjectId[]; readonly batch: ObjectBatch },
): Promise<ObjectId> {
  const tree = await ShardedTree.at(repository.objects, current);
  tree.top.put("generation.json", batch.blob(Buffer.from(await generationFile(repository, tree))));
  const who = await repository.identity();
  const fields = { author: who, committer: who, message: "Archive generation\n" };
  return batch.commit({ tree: tree.write(batch), parents, ...fields });
}

const reason = "holdfast: rotate";
const maxTries = 10;
const maxLine = 20_000;

async function nextArchive(repository: Repository): Promise<string> {
  const last = (await archivesOf(repository)).at(-1)?.name.slice(v2ArchivePrefix.length) ?? "0";
  return `${v2ArchivePrefix}${String(Number(last) + 1).padStart(13, "0")}`;
}

async function startOf(repository: Repository, batch: ObjectBatch): Promise<ObjectId> {
  const who = await repository.identity();
  return batch.commit({
    tree: batch.tree([]),
    parents: [],
    author: who,
    committer: who,
    message: "Start generation\n",
  });
}

async function reset(
  repository: Repository,
  { previousCurrent, resetRoot }: PendingRotation,
): Promise<"updated" | "moved"> {
  return await repository.refs.update({ name: v2CurrentRef, from: previousCurrent, to: resetRoot, reason });
}

type Mended = "updated" | "moved" | "forgotten";

async function mendOne(repository: Repository, rotation: PendingRotation): Promise<Mended> {
  const { archiveRef, previousCurrent, resetRoot } = rotation;
  const [archive, current] = [
    await repository.refs.read(archiveRef),
    await repository.refs.read(v2CurrentRef),
  ];
  if (archive === null || current === null) {
    await dropPending(repository.commonDir, [archiveRef]);
    return "forgotten";
  }
  // Current has begun anew, or is of another line, such as a remote's that was adopted: there is nothing to end.
  if ((await firstInLine(repository, current, [previousCurrent, resetRoot])) !== previousCurrent)
    return "updated";
  const batch = repository.batch();
  if (current !== previousCurrent) {
    // It was written after the archive was made: the archive takes that in, so that no slot is in two generations.
    const to = await archiveOf(repository, { current, parents: [archive, current], batch });
    await batch.flush();
    if ((await repository.refs.update({ name: archiveRef, from: archive, to, reason })) === "moved")
      return "moved";
  }
  const there = (await repository.objects.header(resetRoot)) !== null;
  const root = there ? resetRoot : await startOf(repository, batch);
  await batch.flush();
  return await repository.refs.update({ name: v2CurrentRef, from: current, to: root, reason });
}

/** The first of these commits that stands among another one's first parents, or is it. */
async function firstInLine(
  repository: Repository,
  of: ObjectId,
  commits: readonly ObjectId[],
): Promise<ObjectId | undefined> {
  let next: ObjectId | undefined = of;
  for (let count = 0; next !== undefined && count < maxLine; count += 1) {
    if (commits.includes(next)) return next;
    next = (await repository.objects.commit(next))?.parents[0];
  }
  return undefined;
}
