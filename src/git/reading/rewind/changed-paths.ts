import type { ObjectId } from "../../plumbing/objects.ts";
import type { Repository } from "../../plumbing/repository.ts";

/** A path that differs between two trees. */
export interface ChangedPath {
  readonly path: string;
  /** As git writes them; `000000` where the path is not there. */
  readonly fromMode: string;
  readonly toMode: string;
  readonly toId: ObjectId;
}

/** Whether a mode says that nothing is there. */
export function isAbsent(mode: string): boolean {
  return /^0+$/.test(mode);
}

/** What differs between two trees, file by file. */
export async function changedPaths(
  repository: Repository,
  from: ObjectId,
  to: ObjectId,
): Promise<readonly ChangedPath[]> {
  const args = ["diff-tree", "-r", "-z", "--raw", "--no-renames", "--ignore-submodules=none", from, to];
  const { stdout } = await repository.git(args, { maxBytes: maxListBytes });
  const parts = stdout.toString().split("\0");
  const paths: ChangedPath[] = [];
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [fromMode = "", toMode = "", , toId = ""] = parts[at]!.slice(1).split(" ");
    paths.push({ path: parts[at + 1]!, fromMode, toMode, toId });
  }
  return paths;
}

/** Paths whose index entry is not as in a tree. */
export async function stagedPaths(repository: Repository, tree: ObjectId): Promise<ReadonlySet<string>> {
  const args = ["diff-index", "--cached", "-z", "--name-only", "--no-renames", tree];
  const { stdout } = await repository.git(args, { maxBytes: maxListBytes });
  return new Set(stdout.toString().split("\0").filter(Boolean));
}

/** Paths whose file in the worktree is not as in the index. */
export async function changedFiles(repository: Repository): Promise<ReadonlySet<string>> {
  const args = ["diff-files", "-z", "--name-only", "--ignore-submodules=none"];
  // So that a file that was only touched is not taken for a changed one.
  await repository.git(["update-index", "-q", "--refresh"], { codes: [0, 1], timeoutMs: 120_000 });
  const { stdout } = await repository.git(args, { maxBytes: maxListBytes, timeoutMs: 120_000 });
  return new Set(stdout.toString().split("\0").filter(Boolean));
}

const maxListBytes = 256 * 1024 * 1024;
