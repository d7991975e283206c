import { idLengthOf, newHash, type ObjectFormat } from "./object-id.ts";
import type { ObjectId } from "./objects.ts";

/** Where an object lies in a pack, and the CRC-32 of its entry. */
export interface IndexedObject {
  readonly id: ObjectId;
  readonly offset: number;
  readonly crc: number;
}

/** The index of a pack, version 2 (gitformat-pack): ends by first byte, ids, checks, offsets, both checksums. */
export function packIndex(
  entries: readonly IndexedObject[],
  { checksum, format }: { readonly checksum: Buffer; readonly format: ObjectFormat },
): Buffer[] {
  const sorted = entries.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const idLength = idLengthOf(format);
  const [ids, crcs, offsets] = [idLength, 4, 4].map((size) => Buffer.alloc(sorted.length * size)) as [
    Buffer,
    Buffer,
    Buffer,
  ];
  const far: number[] = [];
  for (const [index, { id, offset, crc }] of sorted.entries()) {
    ids.write(id, index * idLength, "hex");
    crcs.writeUInt32BE(crc, index * 4);
    // From 2 GiB on an offset stands in a second table, whose row the first one names.
    const isFar = offset >= 0x80000000;
    offsets.writeUInt32BE(isFar ? 0x80000000 + far.length : offset, index * 4);
    if (isFar) far.push(offset);
  }
  const farOffsets = Buffer.alloc(far.length * 8);
  for (const [index, offset] of far.entries()) farOffsets.writeBigUInt64BE(BigInt(offset), index * 8);
  const parts = [signature, fanout(sorted), ids, crcs, offsets, farOffsets, checksum];
  const hash = newHash(format);
  for (const part of parts) hash.update(part);
  return [...parts, hash.digest()];
}

const signature = Buffer.from([0xff, 0x74, 0x4f, 0x63, 0, 0, 0, 2]);

function fanout(sorted: readonly IndexedObject[]): Buffer {
  const table = Buffer.alloc(1024);
  let count = 0;
  for (let first = 0; first < 256; first += 1) {
    while (count < sorted.length && Number.parseInt(sorted[count]!.id.slice(0, 2), 16) === first) count += 1;
    table.writeUInt32BE(count, first * 4);
  }
  return table;
}
