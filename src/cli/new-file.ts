import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { usage } from "./arguments.ts";

/** Writes pieces to a file that only this user can read. What is there stays unless forced, and whole until the new file is. */
export async function toNewFile(
  path: string,
  force: boolean,
  pieces: AsyncIterable<string> | Iterable<string>,
): Promise<void> {
  const replaced = force ? await fileAt(path) : path;
  const target = force ? `${replaced}.${process.pid}.partial` : path;
  const file = await openNew(target, path);
  try {
    // appendFile goes on where the last piece ended, and writes all of a piece.
    for await (const piece of pieces) await file.appendFile(piece);
    await file.sync();
    if (force) await rename(target, replaced);
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** The file to replace: behind a link, so that the link stays; never a folder or a device. */
async function fileAt(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return path;
  if (found.isFile()) return await realpath(path);
  const kind = found.isDirectory() ? "a folder" : "no regular file";
  throw usage(`${path} is ${kind} and is not replaced.`, "Name a file.");
}

async function openNew(target: string, path: string) {
  try {
    return await open(target, "wx", 0o600);
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    if (error.code === "EEXIST")
      throw usage(`The file ${path} is there already.`, "Name another, or give --force.");
    throw usage(`The file ${path} cannot be made (${String(error.code)}).`, "Name another.");
  }
}
