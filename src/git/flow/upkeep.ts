import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { stashedFiles, uncommittedFiles } from "./commit-changes.ts";
import { commitsAside, waitingCommits } from "./commits-under-way.ts";
import { finaliseTurn } from "./finalise.ts";
import type { FlowContext } from "./flow-context.ts";
import { flowPaths } from "./flow-paths.ts";
import { gitDirOf } from "./place.ts";
import { isSessionId, isStale, type SessionState } from "./session-state.ts";

/** What is to be put in order when nothing waits any more. */
export async function upkeep(context: FlowContext): Promise<void> {
  await completeLost(context);
  context.sessions.dropStale();
  await forgetCleanFiles(context);
  dropOldContent(context);
}

const contentKeptMs = 90 * 86_400_000;

/** A session that was killed never tells that its turn is over. */
async function completeLost(context: FlowContext): Promise<void> {
  const { sessions, now } = context;
  for (const state of sessions.list().sessions) {
    const isOver = state.phase === "ended" || isStale(state, now());
    if (isOver && state.turnCheckpoints.length > 0)
      await finaliseTurn(context, { sessionId: state.sessionId, atMs: now() });
  }
}

/** Files that a session touched and that are as they were, or in a commit that nobody told of, wait for nothing. */
async function forgetCleanFiles(context: FlowContext): Promise<void> {
  const { sessions } = context;
  const idle = sessions.list().sessions.filter((state) => state.phase !== "active" && hasFiles(state));
  // It changes only by the work itself.
  if (idle.length === 0 || (await commitsAside(context.repository)).length > 0) return;
  const byPath = new Map(idle.map((state) => [state.worktreePath, state]));
  for (const [worktreePath, { worktree }] of byPath) {
    const pending = await pendingIn(context, { worktree, worktreePath });
    if (pending === undefined) continue;
    for (const before of idle.filter((state) => state.worktreePath === worktreePath)) {
      const isClean = (file: string): boolean => !pending.has(file) && before.filesTouched.includes(file);
      if (!before.filesTouched.some(isClean) || isCommitUnderWay(context, before)) continue;
      sessions.change(before.sessionId, (now) => (now === undefined ? undefined : without(now, isClean)));
    }
  }
}

/** The files of a worktree that are not in a commit, and those in a stash; undefined where nobody can tell. */
async function pendingIn(
  { repository }: FlowContext,
  { worktree, worktreePath }: Pick<SessionState, "worktree" | "worktreePath">,
): Promise<ReadonlySet<string> | undefined> {
  const gitDir = gitDirOf(repository.commonDir, worktree);
  // With --autostash they keep in a place of their own what was not committed.
  if (["rebase-merge", "rebase-apply", "MERGE_AUTOSTASH"].some((name) => existsSync(join(gitDir, name))))
    return undefined;
  // Before and after: a stash may be made or taken back meanwhile.
  const before = await stashedFiles(repository);
  const changed = await uncommittedFiles(repository, { worktreePath });
  return changed && new Set([...before, ...changed, ...(await stashedFiles(repository))]);
}

function hasFiles({ filesTouched }: SessionState): boolean {
  return filesTouched.length > 0;
}

// Between a commit and its checkpoint, which may be long where its work fails, its files are clean. Looked at without a
// pause before the change: a commit may be made at any time.
function isCommitUnderWay({ repository }: FlowContext, { worktree }: SessionState): boolean {
  const note = statSync(join(flowPaths(repository.commonDir).minted, worktree), { throwIfNoEntry: false });
  return (note?.size ?? 0) > 0 || waitingCommits(repository).length > 0;
}

function without(state: SessionState, isGone: (file: string) => boolean): SessionState {
  const filesTouched = state.filesTouched.filter((file) => !isGone(file));
  const gone = state.filesTouched.length - filesTouched.length;
  const filesTouchedCount = Math.max(filesTouched.length, state.filesTouchedCount - gone);
  return gone === 0 ? state : { ...state, filesTouched, filesTouchedCount };
}

/** What is kept of transcripts only saves time: of sessions that nobody went on with for long it goes. */
function dropOldContent({ repository, sessions, now }: FlowContext): void {
  const folder = flowPaths(repository.commonDir).content;
  for (const name of namesIn(folder)) {
    const path = join(folder, name);
    const changedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? now();
    if (now() - changedMs < contentKeptMs) continue;
    if (isSessionId(name) && sessions.read(name) === undefined)
      rmSync(path, { recursive: true, force: true });
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
