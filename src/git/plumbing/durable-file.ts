import { randomBytes } from "node:crypto";
import { closeSync, fdatasync, fsync, mkdirSync, openSync, writeSync } from "node:fs";
import { rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { HoldfastError } from "../../core/errors.ts";

/**
 * Writes a new file and makes its bytes durable; its name is durable only after {@link syncFolder}. Only
 * what waits for the disk goes to a thread: the other calls take less than their turn there would.
 */
export async function writeNewFile(
  path: string,
  bytes: readonly Uint8Array[] | Promise<readonly Uint8Array[]>,
  mode: number,
): Promise<void> {
  const file = openNew(path, mode);
  try {
    for (const part of await bytes) writeAll(file, part);
    await syncData(file);
  } finally {
    closeSync(file);
  }
}

/** Opens a file that must not be there yet, and makes the folders that it needs. */
export function openNew(path: string, mode: number): number {
  try {
    return openSync(path, "wx", mode);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, "wx", mode);
  }
}

/** Writes all of it, however much the system takes at once. */
export function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}

/** Makes the bytes of a file durable. */
export const syncData: (file: number) => Promise<void> = promisify(fdatasync);

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder, and keeps names in its journal.
  if (process.platform === "win32") return;
  const folder = openSync(path, "r");
  try {
    await sync(folder);
  } finally {
    closeSync(folder);
  }
}

const sync: (file: number) => Promise<void> = promisify(fsync);

/** Renames a whole file to its name, or takes it away. */
export async function moveInto(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    await unlink(from).catch(() => undefined);
    throw error;
  }
}

/** A name part that nobody else uses. */
export function uniquePart(): string {
  return randomBytes(8).toString("hex");
}

/** The code of a file system's error. */
export function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}

/** That a repository could not be written, with the reason. */
export function unwritable(path: string, cause: unknown): HoldfastError {
  const code = codeOf(cause);
  if (code === "ENOSPC" || code === "EDQUOT")
    return new HoldfastError({
      code: "store_full",
      message: `The disk is full: ${path} could not be written.`,
      next: "Make room and try again; nothing that was there has changed.",
      data: { path },
      cause,
    });
  return new HoldfastError({
    code: "git_unwritable",
    message: `${path} could not be written (${code ?? String(cause)}).`,
    next: "Check who owns the repository's folder and whether it may be written.",
    data: { path, errno: code },
    cause,
  });
}
