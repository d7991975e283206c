import { lstatSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { objectId } from "../../plumbing/object-id.ts";
import type { ObjectId } from "../../plumbing/objects.ts";
import type { Repository } from "../../plumbing/repository.ts";
import { type ChangedPath, changedFiles, isAbsent } from "./changed-paths.ts";

/**
 * Puts back what a rewind had moved that was killed before git had written the index: files that are as the target has
 * them, or gone. What holds anything else stays.
 */
export async function restoreInterrupted(
  repository: Repository & { readonly worktree: string },
  paths: readonly ChangedPath[],
): Promise<void> {
  const changed = await changedFiles(repository);
  const moved = paths.filter(({ path, fromMode }) => changed.has(path) || isAbsent(fromMode));
  const back: string[] = [];
  for (const { path, fromMode, toId } of moved) {
    const id = await fileId(repository, path);
    if (id !== null && id !== toId) continue;
    if (isAbsent(fromMode)) rmSync(join(repository.worktree, path), { force: true });
    else back.push(path);
  }
  const input = back.map((path) => `${path}\0`).join("");
  if (back.length > 0)
    await repository.git(["checkout-index", "-f", "-u", "-z", "--stdin"], { input, timeoutMs: 600_000 });
}

/** The id that git would give to what lies at a path; null where nothing does. */
async function fileId(
  repository: Repository & { readonly worktree: string },
  path: string,
): Promise<ObjectId | null> {
  const full = join(repository.worktree, path);
  const stat = lstatSync(full, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  if (stat.isSymbolicLink())
    return objectId("blob", Buffer.from(readlinkSync(full)), repository.objectFormat);
  if (!stat.isFile()) return "";
  const args = ["hash-object", `--path=${path}`, "--stdin"];
  return (await repository.git(args, { input: readFileSync(full) })).stdout.toString().trim();
}
