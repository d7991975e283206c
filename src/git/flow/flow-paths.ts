import { join } from "node:path";

/** Where the flow keeps what in `<common dir>/holdfast/`. */
export interface FlowPaths {
  readonly root: string;
  readonly sessions: string;
  /** What prepare-commit-msg reads: the sessions that a commit may be linked to. */
  readonly linkable: string;
  readonly spool: string;
  /** Events that could not be understood. */
  readonly aside: string;
  /** What prepare-commit-msg added, by worktree, until post-commit has noted it. */
  readonly minted: string;
  /** The scripts that git's hooks call. */
  readonly hooks: string;
  readonly launcher: string;
  /** What settings files of Claude Code were, where our hooks leave no way back. */
  readonly settings: string;
  readonly log: string;
  readonly workerLog: string;
  /** What is kept of each session's transcript, so that each line is read once. */
  readonly content: string;
  /** How often the worker began an event that is not done. */
  readonly attempts: string;
  readonly stateLock: string;
  readonly workerLock: string;
}

export function flowPaths(commonDir: string): FlowPaths {
  const root = join(commonDir, "holdfast");
  return {
    root,
    sessions: join(root, "sessions"),
    linkable: join(root, "linkable"),
    spool: join(root, "spool"),
    aside: join(root, "spool", "aside"),
    minted: join(root, "minted"),
    hooks: join(root, "hooks"),
    launcher: join(root, "bin", "holdfast"),
    settings: join(root, "settings"),
    log: join(root, "hooks.log"),
    workerLog: join(root, "worker.log"),
    content: join(root, "content"),
    attempts: join(root, "attempts"),
    stateLock: join(root, "state.lock"),
    workerLock: join(root, "worker.lock"),
  };
}
