import { existsSync, readFileSync, readdirSync, type Dirent } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { isHoldfastError } from "../../core/errors.ts";
import { codeOf, unwritable } from "./durable-file.ts";
import type { GitRefs } from "./git-refs.ts";
import { checkObjectId, idLengthOf, isObjectId, type ObjectFormat } from "./object-id.ts";
import type { Identity, ObjectId } from "./objects.ts";
import { PackedRefs, type PackedTable } from "./packed-refs.ts";
import { refConflict, refDamaged } from "./ref-errors.ts";
import { kindOfRef } from "../format/checkpoint-refs.ts";
import { inOwnShard } from "../format/ids.ts";
import { RefLock } from "./ref-lock.ts";
import { checkRefName, checkRefPrefix, isPerWorktree, isRefName, perWorktree } from "./ref-names.ts";
import { appendReflog, beginsReflog } from "./reflog.ts";
import type { ListOptions, Ref, Refs, RefUpdate } from "./refs.ts";
import type { Settings } from "./settings.ts";
import { staleAfterMs } from "./stale-lock.ts";

/** Refs that lie in files and in `packed-refs`, read and written without git but under git's locks. */
export class FileRefs implements Refs {
  readonly #options: FileRefsOptions;
  readonly #packed: PackedRefs;

  constructor(options: FileRefsOptions) {
    this.#options = options;
    this.#packed = new PackedRefs(join(options.commonDir, "packed-refs"), options.objectFormat);
  }

  async read(name: string): Promise<ObjectId | null> {
    let at = checkRefName(name);
    // As many steps as git takes.
    for (let depth = 0; depth <= 5; depth += 1) {
      const value = await this.#value(at);
      if (value === null || value.target === undefined) return value?.id ?? null;
      at = checkRefName(value.target);
    }
    throw refDamaged(name, "leads from one symbolic ref to the next without end");
  }

  async list(prefix: string, { onDamaged }: ListOptions = {}): Promise<readonly Ref[]> {
    checkRefPrefix(prefix);
    const { commonDir, gitDir } = this.#options;
    const loose = new Map<string, string>();
    await this.#walk(commonDir, prefix, (name) => gitDir === commonDir || !isPerWorktree(name), loose);
    if (gitDir !== commonDir)
      for (const own of perWorktree)
        if (own.startsWith(prefix) || prefix.startsWith(own))
          await this.#walk(gitDir, own.startsWith(prefix) ? own : prefix, () => true, loose);
    // After the loose ones: what is packed between both is then in either.
    const packed = (await this.#packed.table()).list(prefix);
    const ignoreCase = packed.length > 0 && loose.size > 0 && (await this.#options.settings()).ignoreCase;
    if (loose.size === 0) return await this.#inOwnShards(packed);
    const found = new Map<string, ObjectId>();
    // Where case does not count, a packed name may be a loose one in other letters, which is newer.
    const folded = new Set(ignoreCase ? [...loose.keys()].map((name) => name.toLowerCase()) : []);
    for (const { name, id } of packed) if (!folded.has(name.toLowerCase())) found.set(name, id);
    for (const [name, text] of loose) {
      const value = parseRef(text, this.#options.objectFormat);
      const id = value?.target === undefined ? value?.id : await this.read(name).catch(() => undefined);
      if (typeof id === "string") found.set(name, id);
      else found.delete(name);
      // A symbolic ref to what is not there is none yet; a file of another name is no ref.
      if (id === undefined && isRefName(name)) onDamaged?.(name);
    }
    const refs = [...found].map(([name, id]) => ({ name, id }));
    return (await this.#inOwnShards(refs)).toSorted((a, b) =>
      a.name < b.name ? -1 : Number(a.name > b.name),
    );
  }

  // Where case does not count, two shards may be one folder, which is called as the first of them.
  async #inOwnShards(refs: readonly Ref[]): Promise<readonly Ref[]> {
    if (refs.every(({ name }) => inOwnShard(name) === name)) return refs;
    if (!(await this.#options.settings()).ignoreCase) return refs;
    const byName = new Map(refs.map(({ name, id }) => [inOwnShard(name), id]));
    return [...byName].map(([name, id]) => ({ name, id }));
  }

  async update(update: RefUpdate): Promise<"updated" | "moved"> {
    const { name, to, from } = update;
    checkRefName(name);
    for (const id of [to, from]) if (id !== null) checkObjectId(id, this.#options.objectFormat);
    // A deletion rewrites packed-refs; a checked-out branch and a symbolic ref have a second reflog.
    if (to === null || (await this.#isDelicate(name))) return this.#options.through.update(update);
    try {
      return await this.#replace({ ...update, to });
    } catch (error) {
      throw isHoldfastError(error) ? error : unwritable(this.#path(name), error);
    }
  }

  async #replace(update: RefUpdate & { readonly to: ObjectId }): Promise<"updated" | "moved"> {
    const { name, to, from } = update;
    const path = this.#path(name);
    // Before the lock, which a process that dies meanwhile would leave behind.
    const log = await this.#logger(update);
    await using lock = await this.#lock(name, path);
    const now = await this.#value(name);
    if ((now?.id ?? null) !== from || now?.target !== undefined) return "moved";
    if (from === to) return "updated";
    if (from === null) this.#checkPlace(name, await this.#packed.table());
    await log?.();
    await lock.commit(`${to}\n`).catch((error: unknown) => {
      if (codeOf(error) === "EISDIR" || codeOf(error) === "ENOTEMPTY")
        throw refConflict(name, `${name}/…`, error);
      throw error;
    });
    return "updated";
  }

  async #lock(name: string, path: string): Promise<RefLock> {
    try {
      const waitMs = this.#options.lockWaitMs ?? 1000;
      // Refs of checkpoints are ours to mend: all of a branch's hang on one lock. The user's are not.
      const isOurs = kindOfRef(name) !== undefined;
      return await RefLock.take({ name, path, waitMs, ...(isOurs ? { staleAfterMs } : {}) });
    } catch (error) {
      const code = codeOf(error);
      if (code !== "ENOTDIR" && code !== "EEXIST") throw error;
      for (const parent of parentsOf(name))
        if ((await this.#value(parent)) !== null) throw refConflict(name, parent, error);
      throw error;
    }
  }

  /** A new name must not be a packed one's folder, nor lie in one's. The file system itself minds those in files. */
  #checkPlace(name: string, packed: PackedTable): void {
    if (packed.hasAny(`${name}/`)) throw refConflict(name, packed.list(`${name}/`)[0]!.name);
    for (const parent of parentsOf(name)) if (packed.find(parent) !== null) throw refConflict(name, parent);
  }

  /** What is to be done for the reflog; nothing where git keeps none. */
  async #logger(update: RefUpdate & { readonly to: ObjectId }): Promise<(() => Promise<void>) | undefined> {
    const { name, from, to, reason = "holdfast" } = update;
    const { settings, bare, identity, objectFormat } = this.#options;
    const path = join(isPerWorktree(name) ? this.#options.gitDir : this.#options.commonDir, "logs", name);
    const begin = beginsReflog(name, await settings(), bare);
    if (!begin && !existsSync(path)) return undefined;
    const who = await identity();
    return () =>
      appendReflog(path, { from: from ?? "0".repeat(idLengthOf(objectFormat) * 2), to, who, reason, begin });
  }

  async #isDelicate(name: string): Promise<boolean> {
    if (name === "HEAD") return true;
    const [own, head] = [await this.#value(name), await this.#value("HEAD").catch(() => null)];
    return own?.target !== undefined || head?.target === name;
  }

  async #value(name: string): Promise<Value | null> {
    const text = readText(this.#path(name));
    if (text === undefined) {
      const id = isPerWorktree(name) ? null : await this.#findPacked(name);
      return id === null ? null : { id };
    }
    const value = parseRef(text, this.#options.objectFormat);
    if (value === undefined)
      throw refDamaged(name, `holds neither an id nor another's name, in ${this.#path(name)}`);
    return value;
  }

  async #findPacked(name: string): Promise<ObjectId | null> {
    const packed = await this.#packed.table();
    const id = packed.find(name);
    if (id !== null || packed.isEmpty) return id;
    return (await this.#options.settings()).ignoreCase ? packed.findIgnoringCase(name) : null;
  }

  #path(name: string): string {
    return join(isPerWorktree(name) ? this.#options.gitDir : this.#options.commonDir, name);
  }

  async #walk(
    top: string,
    prefix: string,
    wanted: (name: string) => boolean,
    into: Map<string, string>,
  ): Promise<void> {
    const folders = [prefix];
    for (let count = 0, folder = folders.pop(); folder !== undefined; folder = folders.pop())
      for (const entry of readFolder(join(top, folder))) {
        const name = folder + entry.name;
        if (entry.isDirectory()) folders.push(`${name}/`);
        else if (!name.endsWith(".lock") && wanted(name)) {
          const text = readText(join(top, name));
          if (text !== undefined) into.set(name, text);
          // Read at once each, which is five times faster; others get their turn between.
          count += 1;
          if (count % 500 === 0) await setImmediate();
        }
      }
  }
}

export interface FileRefsOptions {
  readonly gitDir: string;
  readonly commonDir: string;
  readonly bare: boolean;
  readonly objectFormat: ObjectFormat;
  readonly settings: () => Promise<Settings>;
  readonly identity: () => Promise<Identity>;
  /** For what only git does. */
  readonly through: GitRefs;
  /** How long another's lock is waited for; default 1,000. */
  readonly lockWaitMs?: number;
}

/** What a ref holds: an id, or the name of another ref. */
type Value =
  | { readonly id: ObjectId; readonly target?: undefined }
  | { readonly id?: undefined; readonly target: string };

function parseRef(text: string, format: ObjectFormat): Value | undefined {
  const [, target] = /^ref:\s*(\S+)\s*$/.exec(text.slice(0, 4096)) ?? [];
  if (target !== undefined) return { target };
  const id = text.slice(0, 100).trimEnd();
  return isObjectId(id, format) ? { id } : undefined;
}

function parentsOf(name: string): readonly string[] {
  const parts = name.split("/");
  return parts.slice(2, -1).map((_, index) => parts.slice(0, index + 3).join("/"));
}

function noRef(error: unknown): null {
  if (["ENOENT", "ENOTDIR", "EISDIR"].includes(codeOf(error) ?? "")) return null;
  throw error;
}

function readFolder(path: string): readonly Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    noRef(error);
    return [];
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    noRef(error);
    return undefined;
  }
}
