import { open, rename, rm } from "node:fs/promises";
import { usage } from "./arguments.ts";

/** Writes pieces to a file that only this user can read. What is there stays unless forced, and whole until the new file is. */
export async function toNewFile(path: string, force: boolean, pieces: AsyncIterable<string>): Promise<void> {
  const target = force ? `${path}.${process.pid}.partial` : path;
  const file = await openNew(target, path);
  try {
    // appendFile goes on where the last piece ended, and writes all of a piece.
    for await (const piece of pieces) await file.appendFile(piece);
    await file.sync();
    if (force) await rename(target, path);
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

async function openNew(target: string, path: string) {
  try {
    return await open(target, "wx", 0o600);
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    if (error.code === "EEXIST")
      throw usage(`The file ${path} is there already.`, "Name another, or give --force.");
    throw usage(`The file ${path} cannot be made: ${error.message}.`, "Name another.");
  }
}
