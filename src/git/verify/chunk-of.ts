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
    return faultOrThrow(error);
  }
}

/** Why an object is not here, in a sentence; undefined where it is. */
export async function whyMissing(objects: ObjectReader, id: ObjectId): Promise<string | undefined> {
  try {
    return (await objects.header(id)) === null ? notHere(id).sentence : undefined;
  } catch (error) {
    return faultOrThrow(error).sentence;
  }
}

// More than any chunk that is written, and so much that memory holds; of a session, as much as is worth the time.
const maxChunkBytes = 128 * 1024 * 1024;
const maxSessionBytes = 4 * 1024 * 1024 * 1024;

function faultOrThrow(error: unknown): Fault {
  const fault = faultOf(error);
  if (fault === undefined) throw error;
  return fault;
}

function notHere(id: ObjectId): Fault {
  return { code: "object_missing", sentence: `The object ${id} is not in the repository.` };
}
