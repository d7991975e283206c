import { closeSync } from "node:fs";
import { mkdir, unlink } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { deflatedInOrder } from "./deflated.ts";
import {
  moveInto,
  openNew,
  syncData,
  syncFolder,
  uniquePart,
  writeAll,
  writeNewFile,
} from "./durable-file.ts";
import { newHash, type ObjectFormat } from "./object-id.ts";
import { type IndexedObject, packIndex } from "./pack-index.ts";
import type { ObjectType } from "./objects.ts";
import type { PendingObject } from "./pending-object.ts";

/** Writes all objects into one pack with its index, durable; until the index has its name, git sees none of it. */
export async function writePack(
  objects: readonly PendingObject[],
  { folder, format }: { readonly folder: string; readonly format: ObjectFormat },
): Promise<void> {
  const packs = join(folder, "pack");
  await mkdir(packs, { recursive: true });
  // The names that `git prune` and `git gc` know for what a dead writer left.
  const [pack, index] = [join(packs, `tmp_pack_${uniquePart()}`), join(packs, `tmp_idx_${uniquePart()}`)];
  try {
    const { entries, checksum } = await writeEntries(objects, { path: pack, format });
    await writeNewFile(index, packIndex(entries, { checksum, format }), 0o444);
    const name = join(packs, `pack-${checksum.toString("hex")}`);
    await moveInto(pack, `${name}.pack`);
    await moveInto(index, `${name}.idx`);
  } catch (error) {
    await Promise.all([pack, index].map((path) => unlink(path).catch(() => undefined)));
    throw error;
  }
  await syncFolder(packs);
}

const typeBits: Readonly<Record<ObjectType, number>> = { commit: 1, tree: 2, blob: 3, tag: 4 };
const bufferedBytes = 1024 * 1024;

async function writeEntries(
  objects: readonly PendingObject[],
  { path, format }: { readonly path: string; readonly format: ObjectFormat },
): Promise<{ readonly entries: readonly IndexedObject[]; readonly checksum: Buffer }> {
  const file = openNew(path, 0o444);
  try {
    const out = new HashedFile(file, format);
    const head = Buffer.from("PACK\0\0\0\u0002\0\0\0\0", "latin1");
    head.writeUInt32BE(objects.length, 8);
    out.write([head]);
    const entries: IndexedObject[] = [];
    for await (const { item, bytes } of deflatedInOrder(objects, ({ content }) => content)) {
      const header = entryHeader(item);
      entries.push({ id: item.id, offset: out.bytes, crc: crc32(bytes, crc32(header)) });
      out.write([header, bytes]);
    }
    const checksum = out.end();
    await syncData(file);
    return { entries, checksum };
  } finally {
    closeSync(file);
  }
}

/** Type and size: three bits of type and four of size, then seven of size a byte, the highest bit where more follow. */
function entryHeader({ type, content }: PendingObject): Buffer {
  const bytes: number[] = [];
  let rest = content.length;
  let byte = (typeBits[type] << 4) | (rest % 16);
  // Divided, not shifted: a size may need more than 32 bits.
  for (rest = Math.floor(rest / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(byte | 0x80);
    byte = rest % 128;
  }
  return Buffer.from([...bytes, byte]);
}

/** Writes in large pieces, and hashes what it writes. */
class HashedFile {
  readonly #file: number;
  readonly #hash: ReturnType<typeof newHash>;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Written so far, or waiting to be. */
  bytes = 0;

  constructor(file: number, format: ObjectFormat) {
    this.#file = file;
    this.#hash = newHash(format);
  }

  write(parts: readonly Buffer[]): void {
    for (const part of parts) {
      this.#hash.update(part);
      this.#waiting.push(part);
      this.#waitingBytes += part.length;
      this.bytes += part.length;
    }
    if (this.#waitingBytes >= bufferedBytes) this.#drain();
  }

  /** Writes the checksum behind all of it. */
  end(): Buffer {
    const checksum = this.#hash.digest();
    this.#waiting.push(checksum);
    this.#drain();
    return checksum;
  }

  #drain(): void {
    const parts = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    writeAll(this.#file, Buffer.concat(parts));
  }
}
