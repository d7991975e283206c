import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "../../core/errors.ts";
import type { Repository } from "../plumbing/repository.ts";
import { PushQueue } from "../push/queue.ts";
import { settingsFiles } from "./claude-settings.ts";
import { takeExclude, takeSettings } from "./enable.ts";
import { type FlowPaths, flowPaths } from "./flow-paths.ts";
import { takeHooks } from "./hook-files.ts";
import { hooksPlace, restoreHooks } from "./hooks-path.ts";
import { kernelLock } from "./kernel-lock.ts";
import { Spool } from "./spool.ts";

export interface DisableParams {
  /** True: work that is not done is given up. */
  readonly forget: boolean;
  /** How long a worker that is at it is waited for; default 30,000. */
  readonly workerWaitMs?: number;
}

export interface Disabled {
  /** Settings files that our hooks were taken out of. */
  readonly settings: readonly string[];
  /** Hooks that were there before ours, and are left beside: another tool's stand in their place now. */
  readonly left: readonly string[];
  /** Files that were left as they are because they cannot be read or changed, with the reason. */
  readonly skipped: readonly string[];
  /** Events whose work is not done, those set aside too; what is needed for it is kept. */
  readonly pending: number;
  /** Refs that had not been pushed: `git push --all` finds them without the queue. */
  readonly unpushed: number;
}

/**
 * Takes away all that `enable` put there, in every worktree; checkpoints stay. Work that is not done is kept, unless it
 * is to be forgotten.
 */
export async function disable(
  repository: Repository,
  { forget, workerWaitMs = 30_000 }: DisableParams,
): Promise<Disabled> {
  const { settings, skipped } = await takeAgentHooks(repository);
  const place = await hooksPlace(repository);
  await restoreHooks(repository, place);
  const left = takeHooks(join(repository.commonDir, "hooks"));
  const spool = new Spool(repository);
  const pending = spool.names().length + spool.aside().length;
  const unpushed = (await new PushQueue(repository.commonDir).drain()).refs.length;
  const paths = flowPaths(repository.commonDir);
  // No worker is started from here on, and one that is at it ends with what it does now.
  const first = [paths.hooks, join(paths.launcher, ".."), paths.minted, ...(forget ? [paths.spool] : [])];
  for (const path of first) rmSync(path, { recursive: true, force: true });
  const isOver = pending === 0 || forget;
  const kept = isOver ? removeWhenFree(paths, workerWaitMs) : [];
  await removeSettings(repository, { isLayoutKept: !isOver });
  return { settings, left, skipped: [...skipped, ...kept], pending: forget ? 0 : pending, unpushed };
}

/** Takes our folder away; gives why it is kept. A worker that is at it would make it anew. */
function removeWhenFree({ root, workerLock }: FlowPaths, waitMs: number): readonly string[] {
  if (!existsSync(root)) return [];
  using lock = kernelLock(workerLock, { waitMs });
  if (lock === null) return [`${root} is kept, because a worker is at it: run holdfast git disable again.`];
  rmSync(root, { recursive: true, force: true });
  return [];
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

/** The settings that `enable` wrote: all others are a user's own, and count again when checkpoints are enabled again. */
async function removeSettings(
  repository: Repository,
  { isLayoutKept }: { readonly isLayoutKept: boolean },
): Promise<void> {
  const layout = isLayoutKept ? "" : "|checkpoints|mirror";
  const ours = `^holdfast\\.(hookspathbefore|hookspathscope${layout})$`;
  for (const scope of ["--local", "--worktree"]) {
    const { stdout } = await repository.git(["config", scope, "-z", "--name-only", "--get-regexp", ours], {
      codes: [0, 1, 128],
    });
    for (const key of new Set(stdout.toString().split("\0").slice(0, -1)))
      await repository.git(["config", scope, "--unset-all", key], { codes: [0, 5] });
  }
}
