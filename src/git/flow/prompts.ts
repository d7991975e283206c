import type { SessionState } from "./session-state.ts";

/** The prompts behind a checkpoint. */
export interface AskedPrompts {
  readonly prompts: readonly string[];
  readonly count: number;
  /** The turn of the last one. */
  readonly turn: string | undefined;
}

/** The prompts since the last checkpoint up to a moment; of a further commit of one turn, the turn's. */
export function promptsUntil(state: SessionState, atMs: number): AskedPrompts {
  const { prompts, promptMarks, promptCount, progress } = state;
  const later = promptMarks.filter((mark) => mark.atMs > atMs).length;
  const given = prompts.slice(0, prompts.length - later);
  if (given.length > 0) {
    const turn = promptMarks[given.length - 1]!.turn;
    return { prompts: given, count: promptCount - later, turn: turn === "" ? state.turnId : turn };
  }
  const turn = progress?.turn ?? (later > 0 ? undefined : state.turnId);
  // The prompt of a commit that was made later, and had its checkpoint first, is not this one's.
  return progress?.prompt === undefined || progress.atMs > atMs
    ? { prompts: [], count: 0, turn }
    : { prompts: [progress.prompt], count: 1, turn };
}

/** A session whose prompts up to a moment are in a checkpoint. */
export function withoutPromptsUntil(state: SessionState, atMs: number): SessionState {
  const later = state.promptMarks.filter((mark) => mark.atMs > atMs).length;
  const from = state.prompts.length - later;
  return {
    ...state,
    prompts: state.prompts.slice(from),
    promptMarks: state.promptMarks.slice(from),
    promptCount: later,
  };
}

/** Whether a turn that began before a moment went on after it; `stopped` are the turns that ended later. */
export function isTurnOpen(state: SessionState, atMs: number, stopped: ReadonlySet<string>): boolean {
  const { phase, turnId, turnStartedAtMs = 0, promptMarks } = state;
  if (phase === "active" && turnStartedAtMs <= atMs) return true;
  const began = new Map(promptMarks.map((mark) => [mark.turn, mark.atMs]));
  // The prompt of a turn that has a checkpoint already is not known any more: then it began before.
  const startOf = (turn: string): number =>
    turn === turnId ? turnStartedAtMs : (began.get(turn) ?? Number.NEGATIVE_INFINITY);
  return [...stopped].some((turn) => startOf(turn) <= atMs);
}
