import { readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "../../core/errors.ts";
import type { Repository } from "../plumbing/repository.ts";
import { settingsFiles } from "./claude-settings.ts";
import { takeExclude, takeSettings } from "./enable.ts";
import { flowPaths } from "./flow-paths.ts";
import { takeHooks } from "./hook-files.ts";
import { hooksPlace, restoreHooks } from "./hooks-path.ts";
import { Spool } from "./spool.ts";

export interface Disabled {
  /** Settings files that our hooks were taken out of. */
  readonly settings: readonly string[];
  /** Hooks that were there before ours, and are left beside: another tool's stand in their place now. */
  readonly left: readonly string[];
  /** Files that were left as they are because they cannot be read or changed, with the reason. */
  readonly skipped: readonly string[];
  /** Events whose work is not done; what is needed for it is kept. */
  readonly pending: number;
}

/**
 * Takes away all that `enable` put there, in every worktree; checkpoints stay. Work that is not done is kept, unless it
 * is to be forgotten.
 */
export async function disable(
  repository: Repository,
  { forget }: { readonly forget: boolean },
): Promise<Disabled> {
  const { settings, skipped } = await takeAgentHooks(repository);
  const place = await hooksPlace(repository);
  await restoreHooks(repository, place);
  const left = takeHooks(join(repository.commonDir, "hooks"));
  const pending = new Spool(repository).names().length;
  const paths = flowPaths(repository.commonDir);
  if (pending === 0 || forget) rmSync(paths.root, { recursive: true, force: true });
  else
    for (const path of [paths.hooks, join(paths.launcher, ".."), paths.minted])
      rmSync(path, { recursive: true, force: true });
  await removeSection(repository);
  return { settings, left, skipped, pending: forget ? 0 : pending };
}

async function takeAgentHooks(repository: Repository): Promise<Pick<Disabled, "settings" | "skipped">> {
  const { stdout } = await repository.git(["worktree", "list", "--porcelain", "-z"], {
    codes: [0, 128, 129],
  });
  const named = stdout
    .toString()
    .split("\0")
    .flatMap((line) => /^worktree (.*)$/s.exec(line)?.[1] ?? []);
  const worktrees = new Set([...(repository.worktree === null ? [] : [repository.worktree]), ...named]);
  const files = [...worktrees].flatMap((one) => Object.values(settingsFiles).map((file) => join(one, file)));
  const skipped: string[] = [];
  const settings = files.filter((path) => {
    try {
      return takeSettings(repository, path);
    } catch (error) {
      // One that a person must look at is no reason to leave git's hooks in.
      skipped.push(error instanceof HoldfastError ? error.message : `${path}: ${String(error)}`);
      return false;
    }
  });
  for (const one of worktrees) removeIfEmpty(join(one, ".claude"));
  return { settings, skipped: [...skipped, ...takeExclude(repository)] };
}

function removeIfEmpty(folder: string): void {
  try {
    if (readdirSync(folder).length === 0) rmdirSync(folder);
  } catch {
    // There is none.
  }
}

// An empty section is left by nothing of ours.
async function removeSection(repository: Repository): Promise<void> {
  for (const scope of ["--local", "--worktree"]) {
    const { code } = await repository.git(["config", scope, "--get-regexp", "^holdfast\\."], {
      codes: [0, 1, 128],
    });
    if (code === 0)
      await repository.git(["config", scope, "--remove-section", "holdfast"], { codes: [0, 128] });
  }
}
