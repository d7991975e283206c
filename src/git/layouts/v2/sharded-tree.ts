import { isDamage, type OnDamaged } from "../../damage.ts";
import { idOfTreePath, treePathOf } from "../../format/ids.ts";
import { invalidObject } from "../../plumbing/invalid-object.ts";
import type { ObjectBatch, ObjectId, ObjectReader, TreeEntry } from "../../plumbing/objects.ts";
import { damagedRef, topOfRef } from "../layout-commit.ts";
import { FolderEdit } from "../slot-tree.ts";

/** A tree of checkpoints, sharded by the first two characters of their ids, that is read and rewritten in parts. */
export class ShardedTree {
  readonly top: FolderEdit;
  readonly #objects: ObjectReader;
  readonly #name: string;
  readonly #shards = new Map<string, FolderEdit>();
  /** Shards that no batch has yet: a thousand writes of one tree would else hash all others each time. */
  readonly #edited = new Set<string>();

  private constructor(objects: ObjectReader, name: string, top: FolderEdit = new FolderEdit()) {
    this.#objects = objects;
    this.#name = name;
    this.top = top;
  }

  /** Of what a ref names; an empty one where there is none. @throws checkpoint_damaged that names the ref */
  static async of(
    objects: ObjectReader,
    { name: ref, id: version }: { readonly name: string; readonly id: ObjectId | null },
  ): Promise<ShardedTree> {
    if (version === null) return new ShardedTree(objects, ref);
    return new ShardedTree(objects, ref, new FolderEdit(await topOfRef(objects, { ref, version })));
  }

  /** Of a commit; an empty one where there is none. @throws git_object_invalid where it is not in the repository */
  static async at(objects: ObjectReader, commit: ObjectId | null): Promise<ShardedTree> {
    if (commit === null) return new ShardedTree(objects, "");
    const found = await objects.commit(commit);
    const entries = found === null ? null : await objects.tree(found.tree);
    if (entries === null) throw invalidObject(`The commit ${commit} or its tree is not in the repository`);
    return new ShardedTree(objects, commit, new FolderEdit(entries));
  }

  async folder(id: string): Promise<ObjectId | undefined> {
    const { shard, name } = treePathOf(id);
    return (await this.#shard(shard)).folder(name);
  }

  /** Replaces a checkpoint's folder; null takes it away. */
  async put(id: string, tree: ObjectId | null): Promise<void> {
    const { shard, name } = treePathOf(id);
    const folder = await this.#shard(shard);
    this.#edited.add(shard);
    if (tree === null) folder.remove(name);
    else folder.put(name, tree, "40000");
  }

  /** Every checkpoint with its folder; only where somebody is told of it is a shard left out that cannot be read. */
  async all({ onDamaged }: { readonly onDamaged?: OnDamaged } = {}): Promise<
    readonly { readonly id: string; readonly tree: ObjectId }[]
  > {
    const listed = await Promise.all(
      this.top.entries.filter(isShard).map(async ({ name: shard, id: shardTree }) => {
        const { entries } = await this.#shard(shard).catch((cause: unknown) => {
          if (onDamaged === undefined || !isDamage(cause)) throw cause;
          const why = `holds ${shardTree}, which is no tree that can be read`;
          onDamaged(damagedRef({ ref: this.#name, shard, why, cause }));
          return new FolderEdit();
        });
        return entries.flatMap(({ mode, name, id: tree }) => {
          const id = mode === "40000" ? idOfTreePath({ shard, name }) : undefined;
          return id === undefined ? [] : [{ id, tree }];
        });
      }),
    );
    return listed.flat();
  }

  /** The tree as it is now; the batch gets what was edited since the last call. */
  write(batch: ObjectBatch): ObjectId {
    for (const name of this.#edited) {
      const shard = this.#shards.get(name)!;
      if (shard.entries.length === 0) this.top.remove(name);
      else this.top.put(name, batch.tree(shard.entries), "40000");
    }
    this.#edited.clear();
    return batch.tree(this.top.entries);
  }

  async #shard(name: string): Promise<FolderEdit> {
    const known = this.#shards.get(name);
    if (known !== undefined) return known;
    const id = this.top.folder(name);
    const shard = await folderOf(this.#objects, id);
    // Another reader of this tree may have been faster.
    const first = this.#shards.get(name) ?? shard;
    this.#shards.set(name, first);
    return first;
  }
}

/** A stored folder to be edited; an empty one for no id. @throws git_object_invalid where it is not in the repository */
export async function folderOf(objects: ObjectReader, id: ObjectId | undefined): Promise<FolderEdit> {
  const entries = id === undefined ? [] : await objects.tree(id);
  if (entries === null) throw invalidObject(`The tree ${id} is not in the repository`);
  return new FolderEdit(entries);
}

// What no id begins with is not read.
function isShard({ mode, name }: TreeEntry): boolean {
  return mode === "40000" && /^(?:[0-9a-f]{2}|[0-7][0-9A-HJKMNP-TV-Z])$/.test(name);
}
