import type {
  CheckpointInput,
  CheckpointStore,
  ListedCheckpoint,
  StoredCheckpoint,
  Written,
} from "../checkpoint-store.ts";
import type { OnDamaged } from "../damage.ts";
import { checkId, checkpointRefs, compareIds, idOfRef, refOfCheckpoint } from "../format/ids.ts";
import type { ObjectBatch, ObjectId } from "../plumbing/objects.ts";
import { refDamaged } from "../plumbing/ref-errors.ts";
import type { Repository } from "../plumbing/repository.ts";
import { advanceRef, type Step } from "./advance-ref.ts";
import { checkInput } from "./check-input.ts";
import { buildCheckpoint } from "./checkpoint-tree.ts";
import { commitFields, treeOfRef, unknownCheckpoint } from "./layout-commit.ts";
import { readCheckpoint } from "./read-checkpoint.ts";

export interface RefsOptions {
  /** Brings the ref of a checkpoint from a remote before an update gives up; asked only where it is not here. */
  readonly fetch?: (id: string) => Promise<void>;
  /** Told of each checkpoint that a list leaves out, since its ref is damaged. */
  readonly onDamaged?: OnDamaged;
}

/** The git-refs layout: one ref a checkpoint, whose tree is the checkpoint (specification, section 4). */
export class RefsLayout implements CheckpointStore {
  readonly layout = "git-refs";
  readonly #repository: Repository;
  readonly #options: RefsOptions;

  constructor(repository: Repository, options: RefsOptions = {}) {
    this.#repository = repository;
    this.#options = options;
  }

  async write(checkpoint: CheckpointInput): Promise<Written> {
    checkInput(checkpoint);
    return this.#write(checkpoint, (tip, batch) => this.#next({ checkpoint, tip, batch }));
  }

  async update(checkpoint: CheckpointInput): Promise<Written> {
    checkInput(checkpoint);
    const ref = refOfCheckpoint(checkpoint.id);
    if ((await this.#repository.refs.read(ref)) === null) await this.#options.fetch?.(checkpoint.id);
    return this.#write(checkpoint, (tip, batch) => {
      if (tip === null) throw unknownCheckpoint(checkpoint.id);
      return this.#next({ checkpoint, tip, batch });
    });
  }

  async read(id: string): Promise<StoredCheckpoint | null> {
    checkId(id);
    const version = await this.#repository.refs.read(refOfCheckpoint(id));
    if (version === null) return null;
    const tree = await this.#treeOf(id, version);
    return readCheckpoint(this.#repository.objects, { id, version, tree, prefix: "" });
  }

  async list(): Promise<readonly ListedCheckpoint[]> {
    const onDamaged = (name: string): void => {
      if (idOfRef(name) !== undefined) this.#options.onDamaged?.(refDamaged(name));
    };
    const refs = await this.#repository.refs.list(checkpointRefs, { onDamaged });
    return refs
      .flatMap(({ name, id: version }) => {
        const id = idOfRef(name);
        return id === undefined ? [] : [{ id, version }];
      })
      .toSorted((a, b) => compareIds(a.id, b.id));
  }

  async remove(id: string): Promise<{ readonly removed: boolean }> {
    checkId(id);
    return advanceRef(this.#repository, {
      ref: refOfCheckpoint(id),
      reason: "holdfast: remove checkpoint",
      next: async (tip) => ({ to: null, result: { removed: tip !== null } }),
    });
  }

  #write(
    { id }: CheckpointInput,
    next: (tip: ObjectId | null, batch: ObjectBatch) => Promise<Step<Written>>,
  ): Promise<Written> {
    return advanceRef(this.#repository, { ref: refOfCheckpoint(id), reason: "holdfast: checkpoint", next });
  }

  async #next({
    checkpoint,
    tip,
    batch,
  }: {
    checkpoint: CheckpointInput;
    tip: ObjectId | null;
    batch: ObjectBatch;
  }): Promise<Step<Written>> {
    const { id } = checkpoint;
    const stored = tip === null ? null : await this.#treeOf(id, tip);
    const { objects } = this.#repository;
    const { tree, slots } = await buildCheckpoint({ objects, batch, stored, input: checkpoint, prefix: "" });
    const refs = [refOfCheckpoint(id)];
    if (tip !== null && tree === stored)
      return { to: tip, result: { id, commit: tip, changed: false, slots, refs } };
    const parents = tip === null ? [] : [tip];
    const commit = batch.commit({ tree, parents, ...(await commitFields(this.#repository, checkpoint)) });
    return { to: commit, result: { id, commit, changed: true, slots, refs } };
  }

  async #treeOf(id: string, version: ObjectId): Promise<ObjectId> {
    return await treeOfRef(this.#repository.objects, { ref: refOfCheckpoint(id), version, id });
  }
}
