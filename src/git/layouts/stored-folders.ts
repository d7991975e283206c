import { HoldfastError } from "../../core/errors.ts";
import type { RawObject } from "../format/raw-json.ts";
import type { ObjectId, ObjectReader } from "../plumbing/objects.ts";
import { FolderEdit } from "./slot-tree.ts";
import { TreeReader } from "./tree-reader.ts";

/** The folders of a stored checkpoint, for a rewrite: everything has to be readable, since what were left out would be lost. */
export class StoredFolders {
  readonly #reader: TreeReader;
  readonly #objects: ObjectReader;
  readonly #id: string;

  constructor(objects: ObjectReader, id: string) {
    this.#reader = new TreeReader(objects, { isForRewrite: true });
    this.#objects = objects;
    this.#id = id;
  }

  /** An empty one for no id. @throws checkpoint_damaged */
  async folder(id: ObjectId | null | undefined): Promise<FolderEdit> {
    if (id === null || id === undefined) return new FolderEdit();
    const entries = await this.#objects.tree(id);
    if (entries === null) throw this.damaged(`its folder ${id} is not in the repository`);
    return new FolderEdit(entries);
  }

  /** The object in a file; undefined where there is none. @throws checkpoint_damaged */
  async json(folder: FolderEdit, name: string): Promise<RawObject | undefined> {
    const found = await this.#json(folder, name, name);
    if (found === undefined && folder.has(name)) throw this.damaged(`its ${name} cannot be read`);
    return found;
  }

  /**
   * The metadata of a slot. A torn one names nobody, now and later; but one whose object is missing or spoilt may come
   * back, and its session would have two slots. @throws checkpoint_damaged
   */
  async metadata(folder: FolderEdit, slot: number): Promise<RawObject | undefined> {
    const where = `${slot}/metadata.json`;
    const found = await this.#json(folder, "metadata.json", where);
    const isTorn = this.#reader.findings.some((one) => one.where === where && one.code === "json_invalid");
    if (found === undefined && folder.has("metadata.json") && !isTorn)
      throw this.damaged(`its ${where} cannot be read`);
    return found;
  }

  damaged(fault: string): HoldfastError {
    return new HoldfastError({
      code: "checkpoint_damaged",
      message: `The checkpoint ${this.#id} cannot be rewritten without loss: ${fault}.`,
      next: "Run `holdfast git verify`, then `holdfast git repair`.",
      data: { id: this.#id },
    });
  }

  async #json(folder: FolderEdit, name: string, where: string): Promise<RawObject | undefined> {
    const entries = new Map(folder.entries.map((entry) => [entry.name, entry]));
    return this.#reader.json(entries, name, where);
  }
}
