import { existsSync, lstatSync, readdirSync, type Stats } from "node:fs";
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
  /** Folders that hold something where only one of both trees has a submodule: git would delete all that is in them. */
  readonly submodules: readonly string[];
  /** Names that this file system takes for one. */
  readonly colliding: readonly string[];
}

/** Looks what would be lost. */
export async function obstaclesOf(
  repository: Repository & { readonly worktree: string },
  paths: readonly ChangedPath[],
  fromTree: ObjectId,
): Promise<Obstacles> {
  const moved = paths.filter((path) => !staysSubmodule(path));
  const [files, staged] = [await changedFiles(repository), await stagedPaths(repository, fromTree)];
  return {
    operation: operationOf(repository.gitDir),
    // A submodule's folder that is not there counts as a changed file, and is looked at by itself.
    changed: moved
      .filter(({ path, fromMode }) => staged.has(path) || (fromMode !== submodule && files.has(path)))
      .map(({ path }) => path),
    untracked: untrackedAt(repository.worktree, moved),
    submodules: filledSubmodules(repository.worktree, moved),
    colliding: (await ignoresCase(repository)) ? collidingIn(paths) : [],
  };
}

/** Submodules of both trees whose commits differ: their files are left where they are. */
export function submodulesIn(paths: readonly ChangedPath[]): readonly string[] {
  return paths.filter(staysSubmodule).map(({ path }) => path);
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

const submodule = "160000";

function staysSubmodule({ fromMode, toMode }: ChangedPath): boolean {
  return fromMode === submodule && toMode === submodule;
}

function filledSubmodules(worktree: string, paths: readonly ChangedPath[]): readonly string[] {
  const leaving = leavingFiles(paths);
  return paths
    .filter(({ path, fromMode, toMode }) => {
      if (fromMode !== submodule && toMode !== submodule) return false;
      const stat = statAt(join(worktree, path));
      if (stat === undefined) return false;
      if (fromMode !== submodule && !isAbsent(fromMode)) return stat.isDirectory();
      if (!stat.isDirectory()) return true;
      // Files of ours that go away may be where the submodule is to be.
      return fromMode === submodule
        ? readdirSync(join(worktree, path)).length > 0
        : filesBelow(worktree, path, leaving).length > 0;
    })
    .map(({ path }) => path);
}

/** Nothing too where a folder on the way is a file. */
function statAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw error;
  }
}

function leavingFiles(paths: readonly ChangedPath[]): ReadonlySet<string> {
  const leaving = paths.filter(({ fromMode, toMode }) => fromMode !== submodule && isAbsent(toMode));
  return new Set(leaving.map(({ path }) => path));
}

/** What lies where a file of the target is to be put that was not there before: ignored files count too. */
function untrackedAt(worktree: string, paths: readonly ChangedPath[]): readonly string[] {
  const leaving = leavingFiles(paths);
  const found = new Set<string>();
  for (const { path, fromMode, toMode } of paths) {
    if (!isAbsent(fromMode) || isAbsent(toMode) || toMode === submodule) continue;
    const parts = path.split("/");
    // A file of ours that goes away may be where a folder is to be.
    const blocking = parts.map((_, at) => parts.slice(0, at + 1).join("/"));
    const at = blocking.find((part, index) => stopsAt(worktree, part, index === parts.length - 1));
    if (at === undefined || leaving.has(at)) continue;
    for (const file of filesBelow(worktree, at, leaving)) found.add(file);
  }
  return [...found];
}

const maxFilesBelow = 1000;

/** Whether something at a path would have to go: anything at the end, anything but a folder on the way. */
function stopsAt(worktree: string, path: string, isEnd: boolean): boolean {
  const stat = lstatSync(join(worktree, path), { throwIfNoEntry: false });
  return stat !== undefined && (isEnd || !stat.isDirectory());
}

function filesBelow(worktree: string, path: string, leaving: ReadonlySet<string>): readonly string[] {
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
      else if (!leaving.has(name)) files.push(name);
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
