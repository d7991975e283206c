import { isHoldfastError } from "../../core/errors.ts";
import { findingOf, type Finding, type FindingCode } from "../format/findings.ts";
import { metadataLimits, parseObject } from "../format/parse-json.ts";
import { RawObject, RawSlice, type RawValue } from "../format/raw-json.ts";
import type { ObjectId, ObjectReader, TreeEntry } from "../plumbing/objects.ts";
import { faultOf } from "./object-fault.ts";

/** The plain files and folders of a folder, by name. */
export type Folder = ReadonlyMap<string, TreeEntry>;

/**
 * Reads a checkpoint that anybody may have made: what cannot be read, or is no plain file or folder, is told as a
 * finding and left out, and all JSON of a checkpoint together is bounded.
 */
export class TreeReader {
  readonly findings: Finding[] = [];
  readonly #objects: ObjectReader;
  readonly #isForRewrite: boolean;
  #bytesLeft = metadataLimits.maxBytes;
  #folderBytesLeft = maxFolderBytes;
  #valuesLeft = metadataLimits.maxValues;

  /** For a rewrite, what only cannot be fetched now is no finding but thrown: it must not count as missing. */
  constructor(objects: ObjectReader, { isForRewrite = false }: { readonly isForRewrite?: boolean } = {}) {
    this.#objects = objects;
    this.#isForRewrite = isForRewrite;
  }

  found(code: FindingCode, where: string, sentence: string): void {
    if (this.findings.length < maxFindings) this.findings.push(findingOf(code, where, sentence));
  }

  async folder(id: ObjectId, where: string): Promise<Folder> {
    const entries = await this.#guarded(where, async () => {
      const size = await this.#sizeOf(id, where);
      if (size === undefined) return [];
      if (size > this.#folderBytesLeft) return this.#tooLarge(where, size, this.#folderBytesLeft);
      this.#folderBytesLeft -= size;
      return this.#objects.tree(id);
    });
    const folder = new Map<string, TreeEntry>();
    for (const entry of entries ?? []) {
      if (folder.has(entry.name) || !isPlain(entry)) {
        const path = where === "" ? entry.name : `${where}/${entry.name}`;
        this.found("entry_unsafe", path, "The entry is no plain file or folder of a checkpoint.");
      } else {
        folder.set(entry.name, entry);
      }
    }
    return folder;
  }

  /** The folder of that name in a folder; an empty one where there is none. */
  async folderIn(folder: Folder, name: string, where: string): Promise<Folder> {
    const entry = folder.get(name);
    return entry?.mode === "40000" ? this.folder(entry.id, where) : new Map();
  }

  /** The object in a file; undefined where it is not there or cannot be read. */
  async json(folder: Folder, name: string, where: string): Promise<RawObject | undefined> {
    const bytes = await this.#bytes(folder, name, { where, maxBytes: this.#bytesLeft });
    if (bytes === undefined) return undefined;
    this.#bytesLeft -= bytes.length;
    try {
      const object = parseObject(bytes, { ...metadataLimits, maxValues: this.#valuesLeft });
      this.#valuesLeft -= countOf(object);
      return object;
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
      // As many as it may have held, or a hundred such files would be read up to the limit.
      this.#valuesLeft = Math.max(0, this.#valuesLeft - bytes.length / 2);
      this.found("json_invalid", where, error.message);
      return undefined;
    }
  }

  async text(
    folder: Folder,
    name: string,
    limit: { readonly where: string; readonly maxBytes: number },
  ): Promise<string | undefined> {
    return (await this.#bytes(folder, name, limit))?.toString();
  }

  async #bytes(
    folder: Folder,
    name: string,
    { where, maxBytes }: { readonly where: string; readonly maxBytes: number },
  ): Promise<Buffer | undefined> {
    const id = fileIn(folder, name);
    if (id === undefined) return undefined;
    const bytes = await this.#guarded(where, async () => {
      const size = await this.#sizeOf(id, where);
      if (size === undefined) return null;
      if (size <= maxBytes) return this.#objects.blob(id, { maxBytes });
      return this.#tooLarge(where, size, maxBytes);
    });
    return bytes ?? undefined;
  }

  async #sizeOf(id: ObjectId, where: string): Promise<number | undefined> {
    const header = await this.#objects.header(id);
    if (header !== null) return header.size;
    this.found("object_missing", where, `The object ${id} is not in the repository.`);
    return undefined;
  }

  #tooLarge(where: string, size: number, maxBytes: number): null {
    this.found("entry_too_large", where, `It has ${size} bytes, and at most ${maxBytes} are read.`);
    return null;
  }

  // An object that cannot be read is this checkpoint's fault; that git cannot be run is not.
  async #guarded<Value>(where: string, read: () => Promise<Value>): Promise<Value | null> {
    try {
      return await read();
    } catch (error) {
      const fault = faultOf(error);
      if (fault === undefined || (this.#isForRewrite && fault.code === "object_missing")) throw error;
      this.found(fault.code, where, fault.sentence);
      return null;
    }
  }
}

/** The blob of a file in a folder. */
export function fileIn(folder: Folder, name: string): ObjectId | undefined {
  const entry = folder.get(name);
  return entry?.mode === "100644" ? entry.id : undefined;
}

/** The files of a folder, without its folders. */
export function filesIn(folder: Folder): { readonly name: string; readonly id: ObjectId }[] {
  return [...folder.values()].flatMap(({ mode, name, id }) => (mode === "100644" ? [{ name, id }] : []));
}

// Of all folders of a checkpoint together: 1,000 slots of 10 files have half a megabyte.
const maxFolderBytes = 4 * 1024 * 1024;
const maxFindings = 1000;
const maxNameLength = 255;

function isPlain({ mode, name, isForeign }: TreeEntry): boolean {
  if (isForeign === true || (mode !== "100644" && mode !== "40000")) return false;
  return name.length <= maxNameLength && !/[\\\p{Cc}]/u.test(name);
}

function countOf(value: RawValue): number {
  if (value instanceof RawSlice) return value.cost;
  if (value instanceof RawObject) return value.entries.reduce((sum, [, item]) => sum + countOf(item), 1);
  if (!Array.isArray(value)) return 1;
  return (value as readonly RawValue[]).reduce<number>((sum, item) => sum + countOf(item), 1);
}
