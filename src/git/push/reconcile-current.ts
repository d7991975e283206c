import { HoldfastError } from "../../core/errors.ts";
import { v2CurrentRef } from "../format/checkpoint-refs.ts";
import { archivesOf } from "../layouts/v2/full-refs.ts";
import { archiveOf } from "../layouts/v2/rotate.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Ref } from "../plumbing/refs.ts";
import type { Repository } from "../plumbing/repository.ts";
import { type Joined, joinRef, mergeBase, unionOf } from "./join-refs.ts";
import { PushQueue } from "./queue.ts";

/** What is to be done for current after a remote's was looked at. */
export type Reconciled =
  | { readonly kind: Joined }
  /** We have rotated: the remote's current lies whole in an archive of ours, and may be replaced. */
  | { readonly kind: "covered"; readonly replaces: ObjectId; readonly archive: string };

/**
 * Brings our current and a remote's together (specification, section 6.4). Of one generation they are joined. When the
 * other machine has rotated, ours goes into the archive that it made, never back into current: a checkpoint must not
 * lie in two generations. @throws checkpoint_archive_differs
 */
export async function reconcileCurrent(
  repository: Repository,
  { current, archives }: { readonly current: Ref; readonly archives: readonly Ref[] },
): Promise<Reconciled> {
  const ours = await repository.refs.read(v2CurrentRef);
  if (ours === null || ours === current.id || (await mergeBase(repository, ours, current.id)) !== null)
    return { kind: await joinRef(repository, current) };
  const params = { current: current.id, ours };
  return (
    (await intoOurArchive(repository, params)) ??
    (await intoTheirArchive(repository, params, archives)) ?? {
      kind: await joinRef(repository, current),
    }
  );
}

/** Brings in an archive: new, or further along the same line. @throws checkpoint_archive_differs */
export async function takeArchive(repository: Repository, theirs: Ref): Promise<Joined> {
  const ours = await repository.refs.read(theirs.name);
  if (ours === null || ours === theirs.id) return await joinRef(repository, theirs);
  const base = await mergeBase(repository, ours, theirs.id);
  if (base !== ours && base !== theirs.id) throw differs(theirs.name);
  return await joinRef(repository, theirs);
}

interface Sides {
  readonly current: ObjectId;
  readonly ours: ObjectId;
}

// We have rotated. What the remote's old current has on top of our archive goes into that.
async function intoOurArchive(repository: Repository, { current }: Sides): Promise<Reconciled | undefined> {
  for (const archive of (await archivesOf(repository)).toReversed()) {
    const base = await mergeBase(repository, archive.id, current);
    if (base === null) continue;
    if (base !== current) {
      const sides = { name: archive.name, base, ours: archive.id, theirs: current };
      const to = await archiveWith(repository, sides);
      if ((await setArchive(repository, { name: archive.name, from: archive.id, to })) === "moved")
        return { kind: "moved" };
    }
    return { kind: "covered", replaces: current, archive: archive.name };
  }
  return undefined;
}

// The other machine has rotated: the archive that shares its history with our current takes that in.
async function intoTheirArchive(
  repository: Repository,
  { current, ours }: Sides,
  archives: readonly Ref[],
): Promise<Reconciled | undefined> {
  for (const theirs of archives.toSorted((a, b) => (a.name < b.name ? 1 : -1))) {
    if ((await mergeBase(repository, theirs.id, ours)) === null) continue;
    if ((await takeArchive(repository, theirs)) === "moved") return { kind: "moved" };
    const archive = (await repository.refs.read(theirs.name)) ?? theirs.id;
    const base = await mergeBase(repository, archive, ours);
    if (base !== ours) {
      const sides = { name: theirs.name, base, ours, theirs: archive };
      const to = await archiveWith(repository, sides);
      if ((await setArchive(repository, { name: theirs.name, from: archive, to })) === "moved")
        return { kind: "moved" };
    }
    const adopted = await repository.refs.update({
      name: v2CurrentRef,
      from: ours,
      to: current,
      reason: "holdfast: fetch",
    });
    return { kind: adopted === "updated" ? "theirs" : "moved" };
  }
  return undefined;
}

async function archiveWith(repository: Repository, sides: Parameters<typeof unionOf>[1]): Promise<ObjectId> {
  const union = await unionOf(repository, sides);
  const batch = repository.batch();
  const commit = await archiveOf(repository, { current: union, parents: [sides.theirs, sides.ours], batch });
  await batch.flush();
  return commit;
}

// Queued before it is there: whatever happens then, it is pushed.
async function setArchive(
  repository: Repository,
  update: { readonly name: string; readonly from: ObjectId; readonly to: ObjectId },
): Promise<"updated" | "moved"> {
  await new PushQueue(repository.commonDir).add([update.name]);
  return await repository.refs.update({ ...update, reason: "holdfast: join archive" });
}

function differs(name: string): HoldfastError {
  return new HoldfastError({
    code: "checkpoint_archive_differs",
    message: `The archive ${name} is another one on the remote: two machines have made it of different checkpoints.`,
    next: "Look at both with git log; then rename ours to a number that is free, with git update-ref, and push again.",
    data: { ref: name },
  });
}
