import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, moveInto, uniquePart, writeNewFile } from "../plumbing/durable-file.ts";

/** A folder of Holdfast's own in a repository, made where it is not there; readable by its owner alone. */
export async function ownFolder(commonDir: string, ...names: readonly string[]): Promise<string> {
  const folder = join(commonDir, "holdfast", ...names);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Replaces a small file in Holdfast's own folder as a whole. */
export async function writeOwnFile(commonDir: string, name: string, text: string): Promise<void> {
  const folder = await ownFolder(commonDir);
  const temporary = join(folder, `.${name}.${uniquePart()}`);
  await writeNewFile(temporary, [Buffer.from(text)], 0o600);
  await moveInto(temporary, join(folder, name));
}

/** The names in a folder; none where it is not there. */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}
