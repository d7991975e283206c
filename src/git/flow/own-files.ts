import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** Makes a folder of ours, for this user alone. */
export function makeOwnFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** Puts a file of ours in its place whole or not at all; durable only where it is asked for. */
export function replaceOwnFile(
  path: string,
  content: string,
  { mode = 0o600, durable = false }: { readonly mode?: number; readonly durable?: boolean } = {},
): void {
  makeOwnFolder(dirname(path));
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    const file = openSync(temporary, "wx", mode);
    try {
      const bytes = Buffer.from(content);
      for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
      if (durable) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Why a file was not read. */
export type Unread = "missing" | "too_large" | "no_file";

/** Reads a file that may be anything by now: a link is not followed, and its size is looked at before it is read. */
export function readOwnFile(path: string, { maxBytes }: { readonly maxBytes: number }): Buffer | Unread {
  let file: number;
  try {
    // Without O_NONBLOCK a pipe that somebody put there would be waited for.
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return codeOf(error) === "ENOENT" ? "missing" : "no_file";
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return "no_file";
    if (stat.size > maxBytes) return "too_large";
    return readFrom(file, { from: 0, maxBytes: stat.size });
  } finally {
    closeSync(file);
  }
}

/** At most so many bytes of an open file. */
export function readFrom(
  file: number,
  { from, maxBytes }: { readonly from: number; readonly maxBytes: number },
): Buffer {
  const bytes = Buffer.alloc(maxBytes);
  let got = 0;
  while (got < maxBytes) {
    const count = readSync(file, bytes, got, maxBytes - got, from + got);
    if (count === 0) break;
    got += count;
  }
  return bytes.subarray(0, got);
}

/** The code of a system error; empty of any other. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
