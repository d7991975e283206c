import { slotOfName } from "../../format/slots.ts";
import { v2CurrentRef } from "../../format/checkpoint-refs.ts";
import type { ObjectId } from "../../plumbing/objects.ts";
import type { Repository } from "../../plumbing/repository.ts";
import { ShardedTree, folderOf } from "./sharded-tree.ts";

/**
 * Slots that only the history of current holds: the first form of this layout replaced its whole tree at each write, so
 * each slot is taken from the newest commit that has it (specification, section 6.1). Walked once a tip, and only when
 * a slot is nowhere else.
 */
export class OldSlots {
  readonly #repository: Repository;
  #walked: Promise<{ readonly tip: ObjectId; readonly slots: ReadonlyMap<string, ObjectId> }> | undefined;

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  async find(id: string, slot: number): Promise<ObjectId | undefined> {
    const tip = await this.#repository.refs.read(v2CurrentRef);
    if (tip === null) return undefined;
    const walked = await this.#walked?.catch(() => undefined);
    if (walked?.tip !== tip) this.#walked = this.#walk(tip);
    return (await this.#walked!).slots.get(`${id}/${slot}`);
  }

  async #walk(
    tip: ObjectId,
  ): Promise<{ readonly tip: ObjectId; readonly slots: ReadonlyMap<string, ObjectId> }> {
    const slots = new Map<string, ObjectId>();
    const { objects } = this.#repository;
    const seen = new Set<string>();
    let next: ObjectId | undefined = tip;
    for (let count = 0; next !== undefined && count < maxCommits; count += 1) {
      const tree = await ShardedTree.at(objects, next).catch(() => undefined);
      // A shallow clone ends here.
      if (tree === undefined) break;
      for (const checkpoint of await tree.all({ onDamaged: () => undefined })) {
        const known = `${checkpoint.id} ${checkpoint.tree}`;
        if (seen.has(known)) continue;
        seen.add(known);
        for (const { name, mode, id } of (await folderOf(objects, checkpoint.tree)).entries) {
          const key = `${checkpoint.id}/${name}`;
          if (mode === "40000" && slotOfName(name) !== undefined && !slots.has(key)) slots.set(key, id);
        }
      }
      next = (await objects.commit(next))?.parents[0];
    }
    return { tip, slots };
  }
}

const maxCommits = 20_000;
