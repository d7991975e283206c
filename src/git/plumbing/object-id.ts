import { createHash, type Hash } from "node:crypto";
import { invalidObject } from "./invalid-object.ts";
import type { ObjectId, ObjectType } from "./objects.ts";

/** How a repository hashes its objects. */
export type ObjectFormat = "sha1" | "sha256";

/** Bytes of an id. */
export function idLengthOf(format: ObjectFormat): number {
  return format === "sha1" ? 20 : 32;
}

/** The id that git gives to an object. */
export function objectId(type: ObjectType, content: Uint8Array, format: ObjectFormat): ObjectId {
  return newHash(format).update(objectHeader(type, content.length)).update(content).digest("hex");
}

/** What stands before the content where it is hashed and in a loose file. */
export function objectHeader(type: ObjectType, bytes: number): Buffer {
  return Buffer.from(`${type} ${bytes}\0`);
}

/** Whether a text is a whole id of this format. */
export function isObjectId(text: string, format: ObjectFormat): boolean {
  return (format === "sha1" ? /^[0-9a-f]{40}$/ : /^[0-9a-f]{64}$/).test(text);
}

/** Lets a whole id of this format pass. @throws git_object_invalid */
export function checkObjectId(id: ObjectId, format: ObjectFormat): ObjectId {
  if (isObjectId(id, format)) return id;
  const shown = JSON.stringify(String(id).slice(0, 80));
  throw invalidObject(`${shown} is no id of a ${format} repository`, "Give the whole id, in small letters.");
}

/** The hash of a format, to be fed. */
export function newHash(format: ObjectFormat): Hash {
  return createHash(format);
}
