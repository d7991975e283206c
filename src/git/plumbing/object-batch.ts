import { isHoldfastError } from "../../core/errors.ts";
import { commitBytes } from "./commit-bytes.ts";
import { unwritable } from "./durable-file.ts";
import { writeLoose } from "./loose-objects.ts";
import { idLengthOf, objectId } from "./object-id.ts";
import type { ObjectStore } from "./object-store.ts";
import type { Commit, ObjectBatch, ObjectId, ObjectType, TreeEntry } from "./objects.ts";
import { writePack } from "./pack.ts";
import type { PendingObject } from "./pending-object.ts";
import { treeBytes } from "./tree-bytes.ts";

/** Collects objects for one store. */
export function createBatch(store: ObjectStore): ObjectBatch {
  return new Batch(store);
}

// Files of their own cost about a millisecond each, and make git pack sooner; a pack makes every later search longer.
const packFromObjects = 100;
const packFromBytes = 8 * 1024 * 1024;

function isMany(objects: readonly PendingObject[]): boolean {
  if (objects.length >= packFromObjects) return true;
  return objects.reduce((bytes, { content }) => bytes + content.length, 0) > packFromBytes;
}

class Batch implements ObjectBatch {
  readonly #store: ObjectStore;
  #pending = new Map<ObjectId, PendingObject>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  blob(content: Uint8Array): ObjectId {
    return this.#add("blob", content);
  }

  tree(entries: readonly TreeEntry[]): ObjectId {
    return this.#add("tree", treeBytes(entries, idLengthOf(this.#store.format)));
  }

  commit(commit: Commit): ObjectId {
    return this.#add("commit", commitBytes(commit, idLengthOf(this.#store.format)));
  }

  async flush(): Promise<void> {
    const pending = this.#pending;
    this.#pending = new Map();
    if (pending.size === 0) return;
    try {
      const there = await this.#store.keepThere([...pending.keys()]);
      const missing = [...pending.values()].filter(({ id }) => !there.has(id));
      if (isMany(missing)) await writePack(missing, this.#store);
      else if (missing.length > 0) await writeLoose(missing, this.#store.folder);
    } catch (error) {
      // Whoever tries again writes all of it.
      this.#pending = new Map([...pending, ...this.#pending]);
      throw isHoldfastError(error) ? error : unwritable(this.#store.folder, error);
    }
  }

  #add(type: ObjectType, content: Uint8Array): ObjectId {
    const id = objectId(type, content, this.#store.format);
    if (!this.#pending.has(id)) this.#pending.set(id, { id, type, content });
    return id;
  }
}
