import { mkdir } from "node:fs/promises";
import { join } from "node:path";

/** A folder of Holdfast's own in a repository, made where it is not there; readable by its owner alone. */
export async function ownFolder(commonDir: string, ...names: readonly string[]): Promise<string> {
  const folder = join(commonDir, "holdfast", ...names);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}
