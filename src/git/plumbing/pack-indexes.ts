import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { idLengthOf, type ObjectFormat } from "./object-id.ts";
import type { ObjectId } from "./objects.ts";

/** The indexes of one folder's packs, of which only the slices that are asked for are read. */
export class PackIndexes {
  readonly #folder: string;
  readonly #idLength: number;
  /** By the name of the index: its table of 256 ends, or nothing where it is of no known version. */
  readonly #fanouts = new Map<string, Buffer | undefined>();

  constructor(folder: string, format: ObjectFormat) {
    this.#folder = folder;
    this.#idLength = idLengthOf(format);
  }

  /** By the path of a pack: which of these objects it holds. An object is looked for until it is found once. */
  find(ids: readonly ObjectId[]): ReadonlyMap<string, readonly ObjectId[]> {
    const found = new Map<string, readonly ObjectId[]>();
    let missing = ids.toSorted();
    for (const name of missing.length === 0 ? [] : this.#names()) {
      const here = this.#findIn(name, missing);
      if (here.size === 0) continue;
      found.set(join(this.#folder, name.replace(/idx$/, "pack")), [...here]);
      missing = missing.filter((id) => !here.has(id));
      if (missing.length === 0) break;
    }
    return found;
  }

  #names(): readonly string[] {
    const all = new Set(namesIn(this.#folder));
    const names = [...all].filter(
      (name) =>
        name.endsWith(".idx") &&
        all.has(name.replace(/idx$/, "pack")) &&
        // What lies in a cruft pack is on its way out: git writes it again, and so do we.
        !all.has(name.replace(/idx$/, "mtimes")),
    );
    for (const name of this.#fanouts.keys()) if (!all.has(name)) this.#fanouts.delete(name);
    return names;
  }

  #findIn(name: string, sorted: readonly ObjectId[]): ReadonlySet<ObjectId> {
    let file: number;
    try {
      file = openSync(join(this.#folder, name), "r");
    } catch {
      // A repack has taken it away, or it is not ours to read: then the object is written once more.
      return new Set();
    }
    try {
      if (!this.#fanouts.has(name)) this.#fanouts.set(name, readFanout(file));
      const fanout = this.#fanouts.get(name);
      const here = new Set<ObjectId>();
      let slice: { readonly first: number; readonly ids: Buffer } | undefined;
      for (const id of fanout === undefined ? [] : sorted) {
        const first = Number.parseInt(id.slice(0, 2), 16);
        if (slice?.first !== first) slice = { first, ids: this.#readSlice(file, fanout!, first) };
        if (holds(slice.ids, Buffer.from(id, "hex"))) here.add(id);
      }
      return here;
    } finally {
      closeSync(file);
    }
  }

  #readSlice(file: number, fanout: Buffer, first: number): Buffer {
    const start = first === 0 ? 0 : fanout.readUInt32BE((first - 1) * 4);
    const count = Math.max(0, fanout.readUInt32BE(first * 4) - start);
    const ids = Buffer.allocUnsafe(count * this.#idLength);
    const bytesRead = readSync(file, ids, 0, ids.length, headBytes + fanoutBytes + start * this.#idLength);
    return ids.subarray(0, bytesRead);
  }
}

const headBytes = 8;
const fanoutBytes = 1024;

function readFanout(file: number): Buffer | undefined {
  const bytes = Buffer.alloc(headBytes + fanoutBytes);
  const bytesRead = readSync(file, bytes, 0, bytes.length, 0);
  const isSecondVersion =
    bytesRead === bytes.length && bytes.readUInt32BE(0) === 0xff744f63 && bytes.readUInt32BE(4) === 2;
  return isSecondVersion ? bytes.subarray(headBytes) : undefined;
}

function holds(ids: Buffer, id: Buffer): boolean {
  let [low, high] = [0, Math.floor(ids.length / id.length)];
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = id.compare(ids, middle * id.length, (middle + 1) * id.length);
    if (order === 0) return true;
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return false;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
