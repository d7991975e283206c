import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** A file's bytes, or why they are not to be had. */
export type ReadFile =
  | { readonly bytes: Uint8Array; readonly modifiedAtMs: number; readonly wasStill: boolean }
  | { readonly reason: string };

/** Reads a regular file of at most so many bytes; a link is not followed. */
export async function readSideFile(path: string, mostBytes: number): Promise<ReadFile> {
  let file: FileHandle | undefined;
  try {
    // A pipe that has taken the file's place must not block.
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
    file = await open(path, flags);
    return await readOpen(file, mostBytes);
  } catch (error) {
    return { reason: reasonOf(error) };
  } finally {
    await file?.close();
  }
}

async function readOpen(file: FileHandle, mostBytes: number): Promise<ReadFile> {
  const before = await file.stat();
  if (!before.isFile()) return { reason: notRegular };
  if (before.size > mostBytes) return { reason: tooLarge(mostBytes) };
  // One more than was there: a file that grows under the reader is seen to.
  const buffer = Buffer.alloc(before.size + 1);
  let size = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, size, buffer.length - size, size);
    size += bytesRead;
    if (bytesRead === 0 || size === buffer.length) break;
  }
  const after = await file.stat();
  const wasStill = size === before.size && after.size === before.size && after.mtimeMs === before.mtimeMs;
  const bytes = buffer.subarray(0, Math.min(size, before.size));
  return { bytes, modifiedAtMs: Math.floor(before.mtimeMs), wasStill };
}

/** Why a file is not kept that was there a moment before. */
export const gone = "It was gone when it was to be read.";

/** Why a link, a pipe and the like are not kept. */
export const notRegular = "It is no regular file.";

/** Why a file is not kept that is larger than this. */
function tooLarge(mostBytes: number): string {
  return `It is larger than the ${Math.floor(mostBytes / 1_000_000)} MB that are kept of one file.`;
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  if (code === "ELOOP" || code === "ENXIO") return notRegular;
  return code === "ENOENT" ? gone : `It could not be read (${code}).`;
}
