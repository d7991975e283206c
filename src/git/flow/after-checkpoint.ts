import type { Claim } from "./claims.ts";
import type { ChangedPath } from "./commit-changes.ts";
import type { CommitEvent } from "./commit-event.ts";
import { transition } from "./phases.ts";
import { promptsUntil, withoutPromptsUntil } from "./prompts.ts";
import { mostKept, type SessionProgress, type SessionState, withFiles } from "./session-state.ts";

/** The files of a worktree that are not as the commit has them; undefined where nobody can tell. */
export type LeftOver = ReadonlySet<string> | undefined;

export interface DoneForCommit {
  readonly id: string;
  readonly event: Pick<CommitEvent, "commit" | "atMs">;
  readonly claim: Claim;
  readonly changed: ReadonlyMap<string, ChangedPath>;
  /** The turn in which it was made is not over: its end completes the checkpoint. */
  readonly isTurnOpen: boolean;
  /** An earlier commit has no checkpoint yet: what is clean may be in that one. */
  readonly isAhead: boolean;
  readonly left: LeftOver;
}

/**
 * A session after its part of a commit is in a checkpoint. It is made from what is known now, not from what was known
 * when the work began: hooks go on meanwhile.
 */
export function afterCheckpoint(now: SessionState, done: DoneForCommit): SessionState {
  const { id, event, claim, isTurnOpen } = done;
  const { state, scanned, part } = claim;
  const known = withoutPromptsUntil(withFiles(now, scanned.files), event.atMs);
  const isPendingStill = pendingTest(done);
  const filesTouched = known.filesTouched.filter(isPendingStill);
  const gone = known.filesTouched.length - filesTouched.length;
  const isCarried = filesTouched.some(
    (file) => claim.touched.has(file) && part?.writtenLater.has(file) !== true,
  );
  const { actions } = transition(now.phase, "git_commit", { hasFiles: true });
  const isLate = isBehindProgress(now, event);
  const end = isLate ? now.progress?.lines : part?.end;
  return {
    ...known,
    ...(isLate ? {} : { lastCheckpoint: id }),
    ...(isLate || claim.isAway ? {} : { baseCommit: event.commit }),
    filesTouched,
    filesTouchedCount: Math.max(filesTouched.length, known.filesTouchedCount - gone),
    // A transcript that became shorter is another one.
    scannedBytes:
      scanned.scannedBytes < state.scannedBytes
        ? scanned.scannedBytes
        : Math.max(now.scannedBytes, scanned.scannedBytes),
    checkpointTranscriptStart: isCarried ? 0 : (end ?? now.checkpointTranscriptStart),
    turnCheckpoints: isTurnOpen
      ? [...new Set([...now.turnCheckpoints, id])].slice(-mostKept.turnCheckpoints)
      : now.turnCheckpoints,
    tasks: now.tasks.filter((task) => !isDone(task.toolUseId, state)),
    ...(isLate ? {} : { progress: progressAfter(now, done) }),
    ...(actions.includes("update_last_interaction")
      ? { lastInteractionAtMs: Math.max(now.lastInteractionAtMs, event.atMs) }
      : {}),
  };
}

/** True where the checkpoint of a later commit was made first, because the work for this one failed. */
function isBehindProgress({ progress }: SessionState, { atMs }: DoneForCommit["event"]): boolean {
  return progress?.commit !== undefined && progress.atMs > atMs;
}

function isDone(toolUseId: string, { tasks }: SessionState): boolean {
  return tasks.some((task) => task.toolUseId === toolUseId && task.completedAtMs !== undefined);
}

// A file that is committed as it is here is done; one that was left out, or staged in part, is not.
function pendingTest({ changed, left, claim, isAhead }: DoneForCommit): (file: string) => boolean {
  if (claim.isAway) return () => true;
  // What the transcript tells after the commit may not be on disk yet.
  const isLater = (file: string): boolean => claim.part?.writtenLater.has(file) === true;
  if (left === undefined || isAhead)
    return (file) => isLater(file) || left?.has(file) === true || !changed.has(file);
  return (file) => isLater(file) || left.has(file) || (!claim.touched.has(file) && !changed.has(file));
}

function progressAfter(now: SessionState, { event, claim }: DoneForCommit): SessionProgress {
  const { part, state } = claim;
  const { prompts, turn } = promptsUntil(state, event.atMs);
  const prompt = prompts.at(-1);
  const before = now.progress ?? state.progress ?? { lines: 0, compactLines: 0 };
  return {
    ...before,
    ...(part === undefined ? {} : { lines: part.end, compactLines: part.nextCompactStart, ...part.last }),
    commit: event.commit,
    atMs: event.atMs,
    ...(prompt === undefined ? {} : { prompt }),
    ...(turn === undefined ? {} : { turn }),
  };
}
