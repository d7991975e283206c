import { invalidObject } from "../../plumbing/invalid-object.ts";
import { idLengthOf, objectId } from "../../plumbing/object-id.ts";
import type {
  Commit,
  ObjectBatch,
  ObjectId,
  ObjectReader,
  ObjectType,
  TreeEntry,
} from "../../plumbing/objects.ts";
import type { Repository } from "../../plumbing/repository.ts";
import { treeBytes } from "../../plumbing/tree-bytes.ts";

/** Objects that are made to be looked at, over those of a repository: nothing of them is written. */
export class Scratch implements ObjectReader {
  readonly #repository: Repository;
  readonly #blobs = new Map<ObjectId, Buffer>();
  readonly #trees = new Map<ObjectId, readonly TreeEntry[]>();

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  async header(id: ObjectId): Promise<{ readonly type: ObjectType; readonly size: number } | null> {
    const [blob, tree] = [this.#blobs.get(id), this.#trees.get(id)];
    if (blob !== undefined) return { type: "blob", size: blob.length };
    return tree === undefined
      ? await this.#repository.objects.header(id)
      : { type: "tree", size: this.#bytesOf(tree).length };
  }

  async blob(id: ObjectId, limit: { readonly maxBytes: number }): Promise<Buffer | null> {
    return this.#blobs.get(id) ?? (await this.#repository.objects.blob(id, limit));
  }

  async tree(id: ObjectId): Promise<readonly TreeEntry[] | null> {
    return this.#trees.get(id) ?? (await this.#repository.objects.tree(id));
  }

  async commit(id: ObjectId): Promise<Commit | null> {
    return await this.#repository.objects.commit(id);
  }

  /** A batch that keeps all of it here. */
  batch(): ObjectBatch {
    return {
      blob: (content) => this.putBlob(content),
      tree: (entries) => this.putTree(entries),
      commit: () => {
        throw invalidObject("A commit is not made to be looked at");
      },
      flush: async () => undefined,
    };
  }

  putBlob(content: Uint8Array): ObjectId {
    const id = objectId("blob", content, this.#repository.objectFormat);
    this.#blobs.set(id, Buffer.from(content));
    return id;
  }

  putTree(entries: readonly TreeEntry[]): ObjectId {
    const id = objectId("tree", this.#bytesOf(entries), this.#repository.objectFormat);
    this.#trees.set(id, entries);
    return id;
  }

  /** Puts a file that was made here into a batch; one that is stored is there already. */
  keep(entry: TreeEntry, batch: ObjectBatch): TreeEntry {
    const blob = this.#blobs.get(entry.id);
    if (blob !== undefined) batch.blob(blob);
    return entry;
  }

  #bytesOf(entries: readonly TreeEntry[]): Buffer {
    return treeBytes(entries, idLengthOf(this.#repository.objectFormat));
  }
}
