import { isHoldfastError } from "../../core/errors.ts";
import type { ObjectId, ObjectReader } from "../plumbing/objects.ts";
import type { Found, FoundAt } from "./found.ts";

/** Where what is found of a session goes, and what it is found in. */
export interface At {
  readonly found: Found;
  readonly where: (name: string) => FoundAt;
}

/** A file of a session, of which so many bytes were read before; a word where it cannot be read. */
export async function chunkOf(
  objects: ObjectReader,
  id: ObjectId,
  before = 0,
): Promise<Buffer | "missing" | "too large" | "damaged"> {
  try {
    const maxBytes = Math.min(maxChunkBytes, maxSessionBytes - before);
    return (await objects.blob(id, { maxBytes })) ?? "missing";
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    if (error.code === "git_object_too_large") return "too large";
    if (error.code === "git_object_invalid") return "damaged";
    throw error;
  }
}

// More than any chunk that is written, and so much that memory holds; of a session, as much as is worth the time.
const maxChunkBytes = 128 * 1024 * 1024;
const maxSessionBytes = 4 * 1024 * 1024 * 1024;
