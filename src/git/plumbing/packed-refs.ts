import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { ObjectFormat } from "./object-id.ts";
import { idLengthOf, isObjectId } from "./object-id.ts";
import type { ObjectId } from "./objects.ts";
import type { Ref } from "./refs.ts";
import { codeOf } from "./durable-file.ts";

/** The file `packed-refs`, read once as long as it stays the same, and searched where it lies. */
export class PackedRefs {
  readonly #path: string;
  readonly #format: ObjectFormat;
  #seen: { readonly stamp: string; readonly table: PackedTable } | undefined;

  constructor(path: string, format: ObjectFormat) {
    this.#path = path;
    this.#format = format;
  }

  /** As it is now. */
  async table(): Promise<PackedTable> {
    // Once more where it was replaced between both looks.
    for (let attempt = 0; ; attempt += 1) {
      const stamp = this.#stamp();
      if (this.#seen?.stamp === stamp) return this.#seen.table;
      const bytes = stamp === "" ? Buffer.alloc(0) : await readFile(this.#path).catch(absent);
      if (this.#stamp() !== stamp && attempt < 10) continue;
      const table = new PackedTable(bytes, this.#format);
      this.#seen = { stamp, table };
      return table;
    }
  }

  #stamp(): string {
    try {
      const { mtimeNs, ctimeNs, size, ino } = statSync(this.#path, { bigint: true });
      return `${mtimeNs}.${ctimeNs}.${size}.${ino}`;
    } catch (error) {
      if (codeOf(error) === "ENOENT") return "";
      throw error;
    }
  }
}

/** One content of `packed-refs`. */
export class PackedTable {
  /** Lines `id SP name LF` sorted by the bytes of the name; peeled lines and comments may stand between. */
  readonly #bytes: Buffer;
  readonly #idDigits: number;
  #folded: ReadonlyMap<string, ObjectId> | undefined;
  readonly #format: ObjectFormat;

  constructor(bytes: Buffer, format: ObjectFormat) {
    this.#format = format;
    this.#idDigits = idLengthOf(format) * 2;
    const header = bytes.toString("latin1", 0, Math.max(0, bytes.indexOf(0x0a)));
    this.#bytes =
      bytes.length === 0 || (header.startsWith("# ") && / sorted\b/.test(header)) ? bytes : sortLines(bytes);
  }

  find(name: string): ObjectId | null {
    const key = Buffer.from(name);
    const start = this.#lowerBound(key);
    const ref = this.#refAt(start);
    return ref?.name === name ? ref.id : null;
  }

  get isEmpty(): boolean {
    return this.#bytes.length === 0;
  }

  /** The same where case does not count, as on the file systems on which a loose ref is found so. */
  findIgnoringCase(name: string): ObjectId | null {
    this.#folded ??= new Map(this.list("refs/").map((ref) => [ref.name.toLowerCase(), ref.id]));
    return this.#folded.get(name.toLowerCase()) ?? null;
  }

  /** All whose name begins so, sorted by the bytes of their names. */
  list(prefix: string): Ref[] {
    const start = this.#lowerBound(Buffer.from(prefix));
    const end = this.#lowerBound(afterAll(prefix));
    const refs: Ref[] = [];
    for (const line of this.#bytes.toString("utf8", start, end).split("\n")) {
      const ref = this.#parse(line);
      if (ref !== undefined) refs.push(ref);
    }
    return refs;
  }

  /** Whether any ref's name begins so. */
  hasAny(prefix: string): boolean {
    return this.#refAt(this.#lowerBound(Buffer.from(prefix)))?.name.startsWith(prefix) === true;
  }

  /** Where the first line begins whose name is not before the key. */
  #lowerBound(key: Buffer): number {
    let [low, high] = [0, this.#bytes.length];
    while (low < high) {
      const line = this.#lineBefore((low + high) >> 1, low);
      const end = this.#endOf(line);
      // A peeled line or comment belongs to what stands before it.
      const ref = isRefLine(this.#bytes, line) ? line : this.#refBefore(line, low);
      if (ref === undefined) {
        low = end;
        continue;
      }
      const order = key.compare(this.#bytes, ref + this.#idDigits + 1, this.#endOf(ref) - 1);
      if (order <= 0) high = ref;
      else low = end;
    }
    while (low < this.#bytes.length && !isRefLine(this.#bytes, low)) low = this.#endOf(low);
    return low;
  }

  #lineBefore(at: number, low: number): number {
    return Math.max(low, at === 0 ? 0 : this.#bytes.lastIndexOf(0x0a, at - 1) + 1);
  }

  #refBefore(line: number, low: number): number | undefined {
    let at = line;
    while (at > low) {
      at = this.#lineBefore(at - 1, low);
      if (isRefLine(this.#bytes, at)) return at;
    }
    return undefined;
  }

  #endOf(line: number): number {
    const newline = this.#bytes.indexOf(0x0a, line);
    return newline < 0 ? this.#bytes.length : newline + 1;
  }

  #refAt(line: number): Ref | undefined {
    return this.#parse(this.#bytes.toString("utf8", line, this.#endOf(line)).replace(/\n$/, ""));
  }

  #parse(line: string): Ref | undefined {
    if (line === "" || line.startsWith("^") || line.startsWith("#")) return undefined;
    const id = line.slice(0, this.#idDigits);
    return isObjectId(id, this.#format) && line[this.#idDigits] === " "
      ? { name: line.slice(this.#idDigits + 1).replace(/\r$/, ""), id }
      : undefined;
  }
}

const hash = 0x23;
const caret = 0x5e;

function isRefLine(bytes: Buffer, at: number): boolean {
  return bytes[at] !== hash && bytes[at] !== caret;
}

/** The least key that is after everything with this prefix: it ends in `/`, which becomes the next byte. */
function afterAll(prefix: string): Buffer {
  const key = Buffer.from(prefix);
  key[key.length - 1]! += 1;
  return key;
}

/** Gits before 2.18 and others' tools may not sort. */
function sortLines(bytes: Buffer): Buffer {
  const names = bytes
    .toString()
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#") && !line.startsWith("^"))
    .map((line) => ({ line, name: Buffer.from(line.slice(line.indexOf(" ") + 1)) }));
  names.sort((a, b) => Buffer.compare(a.name, b.name));
  return Buffer.from(names.map(({ line }) => `${line}\n`).join(""));
}

function absent(error: unknown): Buffer {
  if (codeOf(error) === "ENOENT") return Buffer.alloc(0);
  throw error;
}
