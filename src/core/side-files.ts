import type { EntryInput } from "./entry.ts";
import { HoldfastError } from "./errors.ts";
import { type Fields, objectIn } from "./json.ts";

/** A file beside a session that its transcript points to, such as a tool's whole output. */
export type SideFile = KeptFile | LostFile;

/** Its bytes are a blob of the session. */
export interface KeptFile extends NamedFile {
  readonly blob: string;
  readonly bytes: number;
  readonly modifiedAtMs: number;
}

/** It is not kept. */
export interface LostFile extends NamedFile {
  /** Why, in a sentence. */
  readonly reason: string;
}

interface NamedFile {
  /** Its name in the session, which is the same on every machine: parts with `/` between them. */
  readonly path: string;
  /** Where it was when the transcript named it. */
  readonly was: string;
}

/** The log that names a session's files. */
export const fileLog = "@files";

/** A file as an entry that names its run. @throws invalid_entry when its path could lead out of the session's own folder */
export function fileEntry({ run, file }: { readonly run: string; readonly file: SideFile }): EntryInput {
  if (!isSafePath(file.path)) throw unsafePath(file.path);
  return { body: JSON.stringify({ ...file, run }) };
}

/** The files that entries tell of, one for each entry, in their order; what cannot be read is left out. */
export function filesIn(bodies: readonly string[]): readonly SideFile[] {
  return bodies.flatMap((body) => fileIn(objectIn(body)) ?? []);
}

/** Each file as its newest entry has it. */
export function filesOf(bodies: readonly string[]): readonly SideFile[] {
  return [...new Map(filesIn(bodies).map((file) => [file.path, file])).values()];
}

/** Whether a path can only lead to a place below the folder that it is taken from, on any system. */
export function isSafePath(path: string): boolean {
  return path.length <= 1024 && path.isWellFormed() && path.split("/").every(isName);
}

// A name that ends with a dot or a blank is another one on Windows.
function isName(name: string): boolean {
  return /[^. ]$/.test(name) && !/[\\:\p{Cc}]/u.test(name);
}

function fileIn(fields: Fields | undefined): SideFile | undefined {
  const { path, was, blob, bytes, modifiedAtMs, reason } = fields ?? {};
  if (typeof path !== "string" || typeof was !== "string" || !isSafePath(path)) return undefined;
  if (typeof reason === "string") return { path, was, reason };
  const isKept = typeof blob === "string" && typeof bytes === "number" && typeof modifiedAtMs === "number";
  return isKept ? { path, was, blob, bytes, modifiedAtMs } : undefined;
}

function unsafePath(path: string): HoldfastError {
  return new HoldfastError({
    code: "invalid_entry",
    message: `The file name ${JSON.stringify(path)} could lead out of the session's own folder.`,
    next: "Correct the agent that gave it; nothing of it was stored.",
  });
}
