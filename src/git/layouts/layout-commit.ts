import { HoldfastError } from "../../core/errors.ts";
import type { CheckpointInput } from "../checkpoint-store.ts";
import { isDamage } from "../damage.ts";
import { checkpointMessage } from "../format/commit-message.ts";
import { textOf } from "../../core/json.ts";
import type { Commit, ObjectId, ObjectReader, TreeEntry } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";

/** Author, committer and message of the commit that writes a checkpoint (specification, section 4). */
export async function commitFields(
  repository: Repository,
  checkpoint: CheckpointInput,
): Promise<Pick<Commit, "author" | "committer" | "message">> {
  const who = checkpoint.author ?? (await repository.identity());
  return { author: who, committer: who, message: checkpoint.subject ?? messageOf(checkpoint) };
}

export function unknownCheckpoint(id: string): HoldfastError {
  return new HoldfastError({
    code: "checkpoint_unknown",
    message: `There is no checkpoint ${id} here.`,
    next: "Fetch it from where it was pushed to, or look for it with `holdfast git log`.",
    data: { id },
  });
}

/**
 * The tree of the commit that a ref names, for the checkpoint in it or all of them. @throws checkpoint_damaged that names
 * the ref
 */
export async function treeOfRef(
  objects: ObjectReader,
  { ref, version, id }: { readonly ref: string; readonly version: ObjectId; readonly id?: string },
): Promise<ObjectId> {
  const commit = await objects.commit(version).catch((error: unknown) => {
    if (!isDamage(error)) throw error;
    throw damagedRef({ ref, id, why: `names ${version}, which is no commit that can be read`, cause: error });
  });
  if (commit === null) throw damagedRef({ ref, id, why: `names ${version}, which is not in the repository` });
  return commit.tree;
}

/** The entries of the tree of checkpoints that a ref names. @throws checkpoint_damaged that names the ref */
export async function topOfRef(
  objects: ObjectReader,
  { ref, version }: { readonly ref: string; readonly version: ObjectId },
): Promise<readonly TreeEntry[]> {
  const tree = await treeOfRef(objects, { ref, version });
  const entries = await objects.tree(tree).catch((error: unknown) => {
    if (!isDamage(error)) throw error;
    throw damagedRef({ ref, why: `holds ${tree}, which is no tree that can be read`, cause: error });
  });
  if (entries === null)
    throw damagedRef({ ref, why: `holds the tree ${tree}, which is not in the repository` });
  return entries;
}

/** A ref that leads to nothing that can be read, for one checkpoint, those of a shard, or all. */
export function damagedRef({
  ref,
  id,
  shard,
  why,
  cause,
}: {
  readonly ref: string;
  readonly id?: string | undefined;
  readonly shard?: string;
  readonly why: string;
  readonly cause?: unknown;
}): HoldfastError {
  const all = shard === undefined ? "Its checkpoints" : `Its checkpoints whose ids begin with ${shard}`;
  const what = id === undefined ? all : `The checkpoint ${id}`;
  return new HoldfastError({
    code: "checkpoint_damaged",
    message: `${ref} ${why}. ${what} cannot be read.`,
    next: "Fetch what is missing from where it was pushed to, or see what can be mended with `holdfast git verify`.",
    data: { ref, ...(id === undefined ? {} : { id }), ...(shard === undefined ? {} : { shard }) },
    ...(cause === undefined ? {} : { cause }),
  });
}

function messageOf({ id, sessions, strategy }: CheckpointInput): string {
  const named = sessions.map(({ sessionId, metadata, record }) => ({
    sessionId,
    agent: textOf(metadata["agent"]) ?? record?.text("agent"),
  }));
  return checkpointMessage({ id, strategy, sessions: named });
}
