import { HoldfastError } from "../../core/errors.ts";
import type {
  CheckpointInput,
  CheckpointStore,
  ListedCheckpoint,
  StoredCheckpoint,
  Written,
} from "../checkpoint-store.ts";
import type { OnDamaged } from "../damage.ts";
import { branchRef, trackedBranch } from "../format/checkpoint-refs.ts";
import { branchStartMessage, removalMessage } from "../format/commit-message.ts";
import { checkId, compareIds, treePathOf } from "../format/ids.ts";
import type { ObjectBatch, ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import { advanceRef, type Step } from "./advance-ref.ts";
import { checkInput } from "./check-input.ts";
import { buildCheckpoint } from "./checkpoint-tree.ts";
import { commitFields, damagedRef, topOfRef, unknownCheckpoint } from "./layout-commit.ts";
import { readCheckpoint } from "./read-checkpoint.ts";
import { FolderEdit } from "./slot-tree.ts";
import { ShardedTree } from "./v2/sharded-tree.ts";

export interface BranchOptions {
  /** Lets ULIDs in, which no other reader looks for here (specification, section 5). */
  readonly allowUlids?: boolean;
  /** Told of each shard that a list leaves out. */
  readonly onDamaged?: OnDamaged;
  /** The branch as a remote had it, from which a missing one is begun; null for none. */
  readonly trackingRef?: string | null;
}

/** The git-branch layout: one orphan branch with a tree of all checkpoints (specification, section 5). */
export class BranchLayout implements CheckpointStore {
  readonly layout = "git-branch";
  readonly #repository: Repository;
  readonly #allowUlids: boolean;
  readonly #onDamaged: OnDamaged | undefined;
  readonly #trackingRef: string | null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    repository: Repository,
    { allowUlids = false, onDamaged, trackingRef = trackedBranch("origin") }: BranchOptions = {},
  ) {
    this.#repository = repository;
    this.#allowUlids = allowUlids;
    this.#onDamaged = onDamaged;
    this.#trackingRef = trackingRef;
  }

  async write(checkpoint: CheckpointInput): Promise<Written> {
    this.#check(checkpoint);
    return this.#advance((tip, batch) => this.#put({ checkpoint, tip, batch }));
  }

  async update(checkpoint: CheckpointInput): Promise<Written> {
    this.#check(checkpoint);
    return this.#advance((tip, batch) => this.#put({ checkpoint, tip, batch, mustBeThere: true }));
  }

  async read(id: string): Promise<StoredCheckpoint | null> {
    checkId(id);
    const base = await this.#baseOf(await this.#repository.refs.read(branchRef));
    const { stored } = await this.#locate(id, base);
    if (stored === undefined) return null;
    const { objects } = this.#repository;
    return readCheckpoint(objects, { id, version: stored, tree: stored, prefix: prefixOf(id) });
  }

  async list(): Promise<readonly ListedCheckpoint[]> {
    const tip = await this.#repository.refs.read(branchRef);
    const name = tip === null ? (this.#trackingRef ?? branchRef) : branchRef;
    const tree = await ShardedTree.of(this.#repository.objects, { name, id: await this.#baseOf(tip) });
    const listed = await tree.all({ onDamaged: (error) => this.#onDamaged?.(error) });
    return listed
      .map(({ id, tree: version }) => ({ id, version }))
      .toSorted((a, b) => compareIds(a.id, b.id));
  }

  async remove(id: string): Promise<{ readonly removed: boolean }> {
    checkId(id);
    return this.#advance<{ readonly removed: boolean }>(async (tip, batch) => {
      const base = await this.#baseOf(tip);
      const { top, shard, stored } = await this.#locate(id, base);
      if (base === null || stored === undefined) return { to: tip, result: { removed: false } };
      shard.remove(treePathOf(id).name);
      const who = await this.#repository.identity();
      const tree = this.#splice({ id, top, shard, batch });
      const fields = { author: who, committer: who, message: removalMessage(id) };
      return { to: batch.commit({ tree, parents: [base], ...fields }), result: { removed: true } };
    });
  }

  // Writers of one process would only make each other try again.
  #advance<Result>(
    next: (tip: ObjectId | null, batch: ObjectBatch) => Promise<Step<Result>>,
  ): Promise<Result> {
    const run = (): Promise<Result> =>
      advanceRef(this.#repository, { ref: branchRef, reason: "holdfast: checkpoint", next });
    const result = this.#last.then(run, run);
    this.#last = result;
    return result;
  }

  async #put({
    checkpoint,
    tip,
    batch,
    mustBeThere = false,
  }: {
    checkpoint: CheckpointInput;
    tip: ObjectId | null;
    batch: ObjectBatch;
    mustBeThere?: boolean;
  }): Promise<Step<Written>> {
    const { id } = checkpoint;
    const base = await this.#baseOf(tip);
    const { top, shard, stored } = await this.#locate(id, base);
    if (mustBeThere && stored === undefined) throw unknownCheckpoint(id);
    const built = await buildCheckpoint({
      objects: this.#repository.objects,
      batch,
      stored: stored ?? null,
      input: checkpoint,
      prefix: prefixOf(id),
    });
    const result = { id, slots: built.slots, refs: [branchRef] };
    if (base !== null && built.tree === stored)
      return { to: tip, result: { ...result, commit: base, changed: false } };
    shard.put(treePathOf(id).name, built.tree, "40000");
    const fields = await commitFields(this.#repository, checkpoint);
    const parent =
      base ?? batch.commit({ ...fields, tree: batch.tree([]), parents: [], message: branchStartMessage });
    const commit = batch.commit({
      ...fields,
      tree: this.#splice({ id, top, shard, batch }),
      parents: [parent],
    });
    return { to: commit, result: { ...result, commit, changed: true } };
  }

  /** The tree of all checkpoints with one shard anew; of the others nothing is read. */
  #splice({
    id,
    top,
    shard,
    batch,
  }: {
    id: string;
    top: FolderEdit;
    shard: FolderEdit;
    batch: ObjectBatch;
  }): ObjectId {
    const name = treePathOf(id).shard;
    if (shard.entries.length === 0) top.remove(name);
    else top.put(name, batch.tree(shard.entries), "40000");
    return batch.tree(top.entries);
  }

  async #locate(
    id: string,
    base: ObjectId | null,
  ): Promise<{
    readonly top: FolderEdit;
    readonly shard: FolderEdit;
    readonly stored: ObjectId | undefined;
  }> {
    const path = treePathOf(id);
    const top = await this.#topOf(base);
    const shardId = top.folder(path.shard);
    const entries = shardId === undefined ? [] : await this.#repository.objects.tree(shardId);
    if (entries === null)
      throw damagedRef({ id, ref: branchRef, why: `holds ${shardId ?? ""}, which is not in the repository` });
    const shard = new FolderEdit(entries);
    return { top, shard, stored: shard.folder(path.name) };
  }

  async #topOf(base: ObjectId | null): Promise<FolderEdit> {
    if (base === null) return new FolderEdit();
    return new FolderEdit(await topOfRef(this.#repository.objects, { ref: branchRef, version: base }));
  }

  async #baseOf(tip: ObjectId | null): Promise<ObjectId | null> {
    if (tip !== null || this.#trackingRef === null) return tip;
    return this.#repository.refs.read(this.#trackingRef);
  }

  #check(checkpoint: CheckpointInput): void {
    checkInput(checkpoint);
    if (checkId(checkpoint.id) === "hex" || this.#allowUlids) return;
    throw new HoldfastError({
      code: "checkpoint_invalid",
      message: `The checkpoint ${checkpoint.id} has a ULID, which readers of the git-branch layout do not look for.`,
      next: "Write it to git-refs, or set `holdfast.ulidMirrors` to true.",
      data: { id: checkpoint.id },
    });
  }
}

function prefixOf(id: string): string {
  const { shard, name } = treePathOf(id);
  return `/${shard}/${name}`;
}
