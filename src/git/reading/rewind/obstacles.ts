import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { ObjectId } from "../../plumbing/objects.ts";
import type { Repository } from "../../plumbing/repository.ts";
import { type ChangedPath, changedFiles, isAbsent, stagedPaths } from "./changed-paths.ts";

/** Why files cannot be moved from one tree to another without a loss; nothing stands in the way where all is empty. */
export interface Obstacles {
  /** What git is in the middle of. */
  readonly operation: string | null;
  /** Files or index entries that were changed since. */
  readonly changed: readonly string[];
  /** Files that git does not follow, where others would be put. */
  readonly untracked: readonly string[];
  /** Names that this file system takes for one. */
  readonly colliding: readonly string[];
}

/** Looks what would be lost. */
export async function obstaclesOf(
  repository: Repository & { readonly worktree: string },
  paths: readonly ChangedPath[],
  fromTree: ObjectId,
): Promise<Obstacles> {
  const moved = paths.filter(isFile);
  const changed = new Set([
    ...(await changedFiles(repository)),
    ...(await stagedPaths(repository, fromTree)),
  ]);
  return {
    operation: operationOf(repository.gitDir),
    changed: moved.map(({ path }) => path).filter((path) => changed.has(path)),
    untracked: untrackedAt(repository.worktree, moved),
    colliding: (await ignoresCase(repository)) ? collidingIn(paths) : [],
  };
}

/** Submodules that another commit names: their files are left where they are. */
export function submodulesIn(paths: readonly ChangedPath[]): readonly string[] {
  return paths.filter((path) => !isFile(path)).map(({ path }) => path);
}

const operations = [
  ["MERGE_HEAD", "a merge"],
  ["rebase-merge", "a rebase"],
  ["rebase-apply", "a rebase or git am"],
  ["CHERRY_PICK_HEAD", "a cherry-pick"],
  ["REVERT_HEAD", "a revert"],
  ["BISECT_LOG", "a bisect"],
] as const;

function operationOf(gitDir: string): string | null {
  return operations.find(([name]) => existsSync(join(gitDir, name)))?.[1] ?? null;
}

function isFile({ fromMode, toMode }: ChangedPath): boolean {
  return fromMode !== "160000" && toMode !== "160000";
}

/** What lies where a file of the target is to be put that was not there before: ignored files count too. */
function untrackedAt(worktree: string, paths: readonly ChangedPath[]): readonly string[] {
  const leaving = new Set(paths.filter(({ toMode }) => isAbsent(toMode)).map(({ path }) => path));
  const found = new Set<string>();
  for (const { path, fromMode, toMode } of paths) {
    if (!isAbsent(fromMode) || isAbsent(toMode)) continue;
    const parts = path.split("/");
    // A file of ours that goes away may be where a folder is to be.
    const blocking = parts.map((_, at) => parts.slice(0, at + 1).join("/"));
    const at = blocking.find((part, index) => stopsAt(worktree, part, index === parts.length - 1));
    if (at === undefined || leaving.has(at)) continue;
    for (const file of filesBelow(worktree, at)) if (!leaving.has(file)) found.add(file);
  }
  return [...found];
}

const maxFilesBelow = 1000;

/** Whether something at a path would have to go: anything at the end, anything but a folder on the way. */
function stopsAt(worktree: string, path: string, isEnd: boolean): boolean {
  const stat = lstatSync(join(worktree, path), { throwIfNoEntry: false });
  return stat !== undefined && (isEnd || !stat.isDirectory());
}

function filesBelow(worktree: string, path: string): readonly string[] {
  if (lstatSync(join(worktree, path)).isDirectory() !== true) return [path];
  const files: string[] = [];
  const folders = [path];
  for (
    let folder = folders.pop();
    folder !== undefined && files.length < maxFilesBelow;
    folder = folders.pop()
  )
    for (const entry of readdirSync(join(worktree, folder), { withFileTypes: true })) {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) folders.push(name);
      else files.push(name);
    }
  return files;
}

async function ignoresCase(repository: Repository): Promise<boolean> {
  const args = ["config", "--type=bool", "--get", "core.ignoreCase"];
  const { stdout } = await repository.git(args, { codes: [0, 1] });
  return stdout.toString().trim() === "true";
}

function collidingIn(paths: readonly ChangedPath[]): readonly string[] {
  const byName = new Map<string, string[]>();
  for (const { path } of paths) {
    const key = path.toLowerCase().normalize("NFC");
    byName.set(key, [...(byName.get(key) ?? []), path]);
  }
  return [...byName.values()].filter((names) => names.length > 1).flat();
}
