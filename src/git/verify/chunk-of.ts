import { type Fault, faultOf } from "../layouts/object-fault.ts";
import type { ObjectId, ObjectReader } from "../plumbing/objects.ts";
import type { Found, FoundAt } from "./found.ts";

/** Where what is found of a session goes, and what it is found in. */
export interface At {
  readonly found: Found;
  readonly where: (name: string) => FoundAt;
}

/** A file of a session, of which so many bytes were read before; where it cannot be read, why not. */
export async function chunkOf(objects: ObjectReader, id: ObjectId, before = 0): Promise<Buffer | Fault> {
  try {
    const maxBytes = Math.min(maxChunkBytes, maxSessionBytes - before);
    return (await objects.blob(id, { maxBytes })) ?? notHere(id);
  } catch (error) {
    const fault = faultOf(error);
    if (fault === undefined) throw error;
    return fault;
  }
}

/** The same, where it is told why a file cannot be read; one that is only too large to be looked at is no fault. */
export async function chunkOrTold(
  objects: ObjectReader,
  { id, found, at }: { readonly id: ObjectId; readonly found: Found; readonly at: FoundAt },
): Promise<Buffer | undefined> {
  const chunk = await chunkOf(objects, id);
  if (Buffer.isBuffer(chunk)) return chunk;
  if (chunk.code !== "entry_too_large") found.add(chunk.code, at, chunk.sentence);
  return undefined;
}

// More than any chunk that is written, and so much that memory holds; of a session, as much as is worth the time.
const maxChunkBytes = 128 * 1024 * 1024;
const maxSessionBytes = 4 * 1024 * 1024 * 1024;

function notHere(id: ObjectId): Fault {
  return { code: "object_missing", sentence: `The object ${id} is not in the repository.` };
}
