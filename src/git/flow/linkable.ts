import { quotedPath, unquotedPath } from "./quoted-path.ts";
import { isPending, isSessionId, isStale, type SessionState } from "./session-state.ts";
import { type Phase, phaseOf } from "./phases.ts";

/** What a git hook has to know of a session: the part of its state that a line of shell can read. */
export interface Linkable {
  readonly sessionId: string;
  readonly phase: Phase;
  readonly worktree: string;
  readonly lastInteractionAtMs: number;
  readonly owner?: string;
  readonly filesTouched: readonly string[];
}

/**
 * The flat file of all sessions that a commit may be linked to, with one of them as it is now; empty where there is
 * none. One line a session, `s <id> <phase> <seconds> <worktree> <owner>`, and below it one a file, `f <path>` with the
 * path as git quotes it: prepare-commit-msg joins it with what is staged, and 500 sessions cost it one file.
 */
export function linkableWith(
  before: string,
  state: SessionState | { readonly dropped: string },
  nowMs: number,
): string {
  const changed = "dropped" in state ? state.dropped : state.sessionId;
  const others = blocks(before).filter((block) => {
    const words = block.slice(0, block.indexOf("\n")).split(" ");
    return words[1] !== changed && !isStale({ lastInteractionAtMs: Number(words[3]) * 1000 }, nowMs);
  });
  if ("dropped" in state || !isPending(state) || !isWord(state.worktree)) return others.join("");
  return [...others, blockOf(state)].join("");
}

/** Reads the flat file; lines that make no sense are passed over. */
export function readLinkable(text: string): readonly Linkable[] {
  return blocks(text).flatMap((block) => {
    const [head = "", ...files] = block.trimEnd().split("\n");
    const [, sessionId, phase, seconds, worktree, owner] = head.split(" ");
    if (!isSessionId(sessionId) || worktree === undefined) return [];
    return {
      sessionId,
      phase: phaseOf(phase),
      worktree,
      lastInteractionAtMs: Number(seconds) * 1000,
      ...(owner === undefined || owner === "-" ? {} : { owner }),
      filesTouched: files.flatMap((line) => unquotedPath(line.slice(2)) ?? []),
    };
  });
}

/** No session may make the file so long that a commit feels it. */
const mostFiles = 1_000;

function blocks(text: string): readonly string[] {
  return text.split(/^(?=s )/m).filter((block) => block.startsWith("s "));
}

function blockOf({
  sessionId,
  phase,
  lastInteractionAtMs,
  worktree,
  owner,
  filesTouched,
}: SessionState): string {
  const seconds = Math.floor(lastInteractionAtMs / 1000);
  // The newest are those that are staged next.
  const files = filesTouched.slice(-mostFiles).map((file) => `f ${quotedPath(file)}\n`);
  return `s ${sessionId} ${phase} ${seconds} ${worktree} ${owner ?? "-"}\n${files.join("")}`;
}

// The name of a worktree's folder is its owner's; with a space it would be two words here.
function isWord(text: string): boolean {
  return /^[^\s]+$/.test(text);
}
