import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";

/** What a commit made of a path. */
export interface ChangedPath {
  readonly kind: "added" | "changed" | "removed";
  /** The blob that it holds now; of a removed one, all zeros. */
  readonly blob: ObjectId;
}

/** The paths that a commit changed against its first parent, or against another commit. */
export async function changedPaths(
  repository: Repository,
  { commit, from }: { readonly commit: ObjectId; readonly from?: ObjectId },
): Promise<ReadonlyMap<string, ChangedPath>> {
  const form = ["-r", "-z", "--root", "--no-commit-id", "--no-renames", "--no-abbrev", "--raw"];
  const args = ["diff-tree", ...form, ...(from === undefined ? [] : [from]), commit, "--"];
  const { stdout } = await repository.git(args, { maxBytes: 256 << 20 });
  const parts = stdout.toString().split("\0");
  const changed = new Map<string, ChangedPath>();
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [, , , blob = "", status = ""] = parts[at]!.split(" ");
    const kind = status === "A" ? "added" : status === "D" ? "removed" : "changed";
    changed.set(parts[at + 1]!, { kind, blob });
  }
  return changed;
}

/** The files of a worktree that are not as a commit has them; undefined where git cannot tell. */
export async function differingFiles(
  repository: Repository,
  { commit, worktreePath }: { readonly commit: ObjectId; readonly worktreePath: string },
): Promise<ReadonlySet<string> | undefined> {
  const form = ["--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"];
  return await namesFrom(repository, worktreePath, [
    ...["-c", "diff.relative=false", "diff", ...form],
    ...["--ignore-submodules=all", commit, "--"],
  ]);
}

/** The files of a worktree that are not as HEAD has them, or not known to git; undefined where git cannot tell. */
export async function uncommittedFiles(
  repository: Repository,
  { worktreePath }: { readonly worktreePath: string },
): Promise<ReadonlySet<string> | undefined> {
  const form = ["--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty"];
  const lines = await namesFrom(repository, worktreePath, ["status", ...form]);
  return lines === undefined ? undefined : new Set([...lines].map((line) => line.slice(3)));
}

/** The files of a worktree that git does not know and does not ignore; undefined where git cannot tell. */
export async function untrackedFiles(
  repository: Repository,
  { worktreePath }: { readonly worktreePath: string },
): Promise<ReadonlySet<string> | undefined> {
  return await namesFrom(repository, worktreePath, [
    "ls-files",
    "--others",
    "--exclude-standard",
    "-z",
    "--",
  ]);
}

/** The files that stashes hold: they wait as what is in a worktree does. None where git cannot read them. */
export async function stashedFiles(repository: Repository): Promise<ReadonlySet<string>> {
  const list = ["-c", "log.showSignature=false", "log", "-g", `-n${mostStashes}`, "--format=%H %P"];
  const form = ["--root", "-r", "-z", "--name-only", "--no-renames", "--no-commit-id"];
  try {
    // It ends with 128 where there is none.
    const { stdout } = await repository.git([...list, "refs/stash", "--"], { codes: [0, 128] });
    const commits = stdout
      .toString()
      .split("\n")
      .flatMap((line) => {
        const [stash, head, ...others] = line.split(" ");
        // What it holds of the worktree, then of the index and of files that git did not know.
        return head === undefined ? [] : [`${stash} ${head}`, ...others];
      });
    if (commits.length === 0) return new Set();
    const input = `${commits.join("\n")}\n`;
    const names = await repository.git(["diff-tree", "--stdin", ...form], { input, maxBytes: 256 << 20 });
    return new Set(names.stdout.toString().split("\0"));
  } catch {
    return new Set();
  }
}

const mostStashes = 200;

async function namesFrom(
  repository: Repository,
  worktreePath: string,
  args: readonly string[],
): Promise<ReadonlySet<string> | undefined> {
  try {
    const { stdout } = await repository.git(["-C", worktreePath, ...args], {
      maxBytes: 256 << 20,
      timeoutMs: 120_000,
    });
    return new Set(
      stdout
        .toString()
        .split("\0")
        .filter((name) => name !== ""),
    );
  } catch {
    // The worktree may be gone, or a merge may hold it.
    return undefined;
  }
}
