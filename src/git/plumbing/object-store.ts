import { utimesSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { ObjectFormat } from "./object-id.ts";
import type { ObjectId } from "./objects.ts";
import { PackIndexes } from "./pack-indexes.ts";

/** The folders in which a repository's objects lie: its own, which is written, and those that it borrows from. */
export class ObjectStore {
  readonly folder: string;
  readonly format: ObjectFormat;
  readonly #packs = new Map<string, PackIndexes>();
  #folders: Promise<readonly string[]> | undefined;

  constructor(commonDir: string, format: ObjectFormat) {
    this.folder = join(commonDir, "objects");
    this.format = format;
  }

  /**
   * Which of these objects are there already, without asking git, which would look for a missing one at a partial
   * clone's remote. Each is marked as fresh, as git does, so that a prune that runs now does not take it.
   */
  async keepThere(ids: readonly ObjectId[]): Promise<ReadonlySet<ObjectId>> {
    const there = new Set<ObjectId>();
    this.#folders ??= alternatesOf(this.folder);
    for (const folder of await this.#folders) {
      const missing = ids.filter((id) => !there.has(id));
      for (const id of this.#packed(folder, missing)) there.add(id);
      const unpacked = missing.filter((id) => !there.has(id));
      for (const [index, id] of unpacked.entries()) {
        if (freshen(join(folder, id.slice(0, 2), id.slice(2)))) there.add(id);
        // Many in a row let others have their turn.
        if (index % 500 === 499) await setImmediate();
      }
    }
    return there;
  }

  #packed(folder: string, ids: readonly ObjectId[]): readonly ObjectId[] {
    let packs = this.#packs.get(folder);
    if (packs === undefined) {
      packs = new PackIndexes(join(folder, "pack"), this.format);
      this.#packs.set(folder, packs);
    }
    const found = packs.find(ids);
    return [...found].flatMap(([pack, here]) => (freshen(pack) ? here : []));
  }
}

// As many as git follows, one after the other.
const maxDepth = 5;

async function alternatesOf(folder: string, depth = 0, seen = new Set<string>()): Promise<readonly string[]> {
  if (depth > maxDepth || seen.has(folder)) return [];
  seen.add(folder);
  const text = await readFile(join(folder, "info", "alternates"), "utf8").catch(() => "");
  const found = [folder];
  for (const line of text.split("\n"))
    // A quoted line is rare: what lies there is then written once more.
    if (line !== "" && !line.startsWith("#") && !line.startsWith('"'))
      found.push(...(await alternatesOf(resolve(folder, line), depth + 1, seen)));
  return found;
}

/** Marks a file as used now; false where there is none, or where it is another's and could be pruned. */
function freshen(path: string): boolean {
  const now = new Date();
  try {
    utimesSync(path, now, now);
    return true;
  } catch {
    return false;
  }
}
