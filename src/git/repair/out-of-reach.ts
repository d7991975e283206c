import { access, constants, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { unquotedPath } from "../flow/quoted-path.ts";
import type { Repository } from "../plumbing/repository.ts";

/**
 * Why an object that git does not find may lie elsewhere: in a folder that is borrowed from and not there now, or at a
 * partial clone's remote. Null where what is missing is lost.
 */
export async function whyOutOfReach({ commonDir, git }: Repository): Promise<string | null> {
  const away = await awayFolder(join(commonDir, "objects"));
  if (away !== null) return `objects are borrowed from ${away}, which cannot be read now`;
  const keys = "^(remote\\..*\\.(promisor|partialclonefilter)|extensions\\.partialclone)$";
  const { stdout } = await git(["config", "-z", "--name-only", "--get-regexp", keys], { codes: [0, 1] });
  return stdout.length === 0 ? null : "this is a partial clone, and its remote may have it";
}

// As many as git follows, one after the other.
const maxDepth = 5;

/** The first folder of objects that cannot be read, of a repository's own and of all that it borrows from. */
async function awayFolder(folder: string, depth = 0, seen = new Set<string>()): Promise<string | null> {
  if (seen.has(folder)) return null;
  seen.add(folder);
  if (!(await isReadable(folder))) return folder;
  if (depth === maxDepth) return null;
  const list = join(folder, "info", "alternates");
  const text = await readFile(list, "utf8").catch((error: NodeJS.ErrnoException) =>
    error.code === "ENOENT" ? "" : null,
  );
  if (text === null) return list;
  for (const line of text.split("\n").filter((one) => one !== "" && !one.startsWith("#"))) {
    const path = unquotedPath(line) ?? line;
    const away = await awayFolder(resolve(folder, path), depth + 1, seen);
    if (away !== null) return away;
  }
  return null;
}

async function isReadable(folder: string): Promise<boolean> {
  return access(folder, constants.R_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}
