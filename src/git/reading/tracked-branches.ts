import type { ListedCheckpoint, StoredCheckpoint } from "../checkpoint-store.ts";
import type { OnDamaged } from "../damage.ts";
import { isTrackedBranch, trackedRefs } from "../format/checkpoint-refs.ts";
import { checkId, treePathOf } from "../format/ids.ts";
import { readCheckpoint } from "../layouts/read-checkpoint.ts";
import { ShardedTree } from "../layouts/v2/sharded-tree.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { CheckpointSource } from "./checkpoint-source.ts";

/** The branches of checkpoints that `git fetch` and `git pull` have brought from remotes, to read from alone. */
export class TrackedBranches implements CheckpointSource {
  readonly #repository: Repository;
  readonly #onDamaged: OnDamaged;

  constructor(repository: Repository, { onDamaged }: { readonly onDamaged: OnDamaged }) {
    this.#repository = repository;
    this.#onDamaged = onDamaged;
  }

  async read(id: string): Promise<StoredCheckpoint | null> {
    checkId(id);
    const { shard, name } = treePathOf(id);
    for (const branch of await this.#branches()) {
      const tree = await branch.folder(id);
      if (tree !== undefined)
        return await readCheckpoint(this.#repository.objects, {
          id,
          version: tree,
          tree,
          prefix: `/${shard}/${name}`,
        });
    }
    return null;
  }

  async list(): Promise<readonly ListedCheckpoint[]> {
    const byId = new Map<string, ListedCheckpoint>();
    for (const branch of await this.#branches())
      for (const { id, tree } of await branch.all({ onDamaged: this.#onDamaged }))
        if (!byId.has(id)) byId.set(id, { id, version: tree });
    return [...byId.values()];
  }

  async #branches(): Promise<readonly ShardedTree[]> {
    const { refs, objects } = this.#repository;
    const tracked = (await refs.list(trackedRefs)).filter(({ name }) => isTrackedBranch(name));
    return await Promise.all(tracked.map((ref) => ShardedTree.of(objects, ref)));
  }
}
