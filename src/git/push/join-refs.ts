import type { Commit, ObjectId } from "../plumbing/objects.ts";
import type { Ref } from "../plumbing/refs.ts";
import type { Repository } from "../plumbing/repository.ts";
import { kindOfRef, v2MainRef } from "../format/checkpoint-refs.ts";
import type { JoinContext } from "./join-entries.ts";
import { joinTree } from "./join-tree.ts";
import { followMoves, noteMoves } from "./slot-moves.ts";

/** What became of a ref that is here and on a remote. */
export type Joined =
  /** Both are the same, or ours has all that theirs has. */
  | "ours"
  /** Theirs has all that ours had: ours follows it. */
  | "theirs"
  /** Both had something of their own; ours is a commit with both now. */
  | "joined"
  /** Ours was written in the meantime; to be tried again. */
  | "moved";

/** Brings what a remote has of a ref into ours, by union; nothing of either side leaves the history. */
export async function joinRef(repository: Repository, theirs: Ref): Promise<Joined> {
  const ours = await repository.refs.read(theirs.name);
  if (ours === theirs.id) return "ours";
  if (ours === null)
    return await update(repository, { name: theirs.name, from: null, to: theirs.id }, "theirs");
  const base = await mergeBase(repository, ours, theirs.id);
  if (base === theirs.id) return "ours";
  if (base === ours)
    return await update(repository, { name: theirs.name, from: ours, to: theirs.id }, "theirs");
  const to = await unionOf(repository, { name: theirs.name, base, ours, theirs: theirs.id });
  const done = await update(repository, { name: theirs.name, from: ours, to }, "joined");
  if (theirs.name === v2MainRef && done === "joined") await followMoves(repository);
  return done;
}

/** The commit that two have in common; null where they have none. */
export async function mergeBase(repository: Repository, a: ObjectId, b: ObjectId): Promise<ObjectId | null> {
  const { code, stdout } = await repository.git(["merge-base", a, b], { codes: [0, 1] });
  return code === 0 ? stdout.toString().trim() : null;
}

async function update(
  { refs }: Repository,
  change: { readonly name: string; readonly from: ObjectId | null; readonly to: ObjectId },
  done: Joined,
): Promise<Joined> {
  return (await refs.update(change)) === "updated" ? done : "moved";
}

export interface Union {
  readonly name: string;
  readonly base: ObjectId | null;
  readonly ours: ObjectId;
  readonly theirs: ObjectId;
}

/** A commit with all that two have; its objects are written, and no ref is moved. */
export async function unionOf(
  repository: Repository,
  { name, base, ours, theirs }: Union,
): Promise<ObjectId> {
  const read = async (id: ObjectId): Promise<Commit> => {
    const commit = await repository.objects.commit(id);
    if (commit === null) throw new Error(`The commit ${id} of ${name} is not there.`);
    return commit;
  };
  const [our, their] = await Promise.all([read(ours), read(theirs)]);
  const batch = repository.batch();
  const isOne = kindOfRef(name) === "checkpoint";
  const trees = { base: base === null ? null : (await read(base)).tree, ours: our.tree, theirs: their.tree };
  const moved: JoinContext["moved"] = new Map();
  const tree = await joinTree({ repository, batch, moved }, trees, { depth: isOne ? 0 : 2 });
  const committer = await repository.identity();
  // Of one checkpoint: our write again, on top of theirs. Both are parents, so that ours only moves forward wherever
  // it was pushed before.
  const commit = batch.commit(
    isOne
      ? { tree, parents: [theirs, ours], author: our.author, committer, message: our.message }
      : { tree, parents: [ours, theirs], author: committer, committer, message: mergeMessage },
  );
  await batch.flush();
  if (name === v2MainRef) await noteMoves(repository, moved);
  return commit;
}

const mergeMessage = "Merge remote session logs\n";
