/** Where a session stands; what is not known is taken for idle. */
export type Phase = "idle" | "active" | "ended";

/** What can happen to a session. */
export type PhaseEvent =
  | "turn_start"
  | "turn_end"
  | "git_commit"
  /** A commit that rebase, cherry-pick or revert makes. */
  | "git_commit_rewriting"
  | "session_start"
  | "session_stop"
  | "compaction";

/** What is to be done at a transition, in this order. */
type PhaseAction =
  | "condense"
  | "condense_if_files_touched"
  | "discard_if_no_files"
  | "warn_stale_session"
  | "clear_ended_at"
  | "update_last_interaction";

export interface Transition {
  readonly to: Phase;
  readonly actions: readonly PhaseAction[];
}

/** The table of specification §12: total, and without effects of its own. */
export function transition(
  phase: Phase,
  event: PhaseEvent,
  { hasFiles }: { readonly hasFiles: boolean },
): Transition {
  const cell = table[phase][event];
  return "withFiles" in cell ? (hasFiles ? cell.withFiles : cell.withoutFiles) : cell;
}

/** Reads a phase as any version may have stored it. */
export function phaseOf(value: unknown): Phase {
  if (value === "active_committed") return "active";
  return phases.find((phase) => phase === value) ?? "idle";
}

/** The actions that still run when an earlier one has failed; the others stop at the first failure. */
export const alwaysRun: ReadonlySet<PhaseAction> = new Set(["clear_ended_at", "update_last_interaction"]);

export const phases: readonly Phase[] = ["idle", "active", "ended"];

export const phaseEvents: readonly PhaseEvent[] = [
  "turn_start",
  "turn_end",
  "git_commit",
  "git_commit_rewriting",
  "session_start",
  "session_stop",
  "compaction",
];

type Cell = Transition | { readonly withFiles: Transition; readonly withoutFiles: Transition };

const table: Readonly<Record<Phase, Readonly<Record<PhaseEvent, Cell>>>> = {
  idle: {
    turn_start: { to: "active", actions: ["update_last_interaction"] },
    turn_end: { to: "idle", actions: [] },
    git_commit: { to: "idle", actions: ["condense", "update_last_interaction"] },
    git_commit_rewriting: { to: "idle", actions: [] },
    session_start: { to: "idle", actions: [] },
    session_stop: { to: "ended", actions: ["update_last_interaction"] },
    compaction: { to: "idle", actions: ["condense_if_files_touched", "update_last_interaction"] },
  },
  active: {
    turn_start: { to: "active", actions: ["update_last_interaction"] },
    turn_end: { to: "idle", actions: ["update_last_interaction"] },
    git_commit: { to: "active", actions: ["condense", "update_last_interaction"] },
    git_commit_rewriting: { to: "active", actions: [] },
    session_start: { to: "active", actions: ["warn_stale_session"] },
    session_stop: { to: "ended", actions: ["update_last_interaction"] },
    compaction: { to: "active", actions: ["condense_if_files_touched", "update_last_interaction"] },
  },
  ended: {
    turn_start: { to: "active", actions: ["clear_ended_at", "update_last_interaction"] },
    turn_end: { to: "ended", actions: [] },
    git_commit: {
      withFiles: { to: "ended", actions: ["condense_if_files_touched", "update_last_interaction"] },
      withoutFiles: { to: "ended", actions: ["discard_if_no_files", "update_last_interaction"] },
    },
    git_commit_rewriting: { to: "ended", actions: [] },
    session_start: { to: "idle", actions: ["clear_ended_at"] },
    session_stop: { to: "ended", actions: [] },
    compaction: { to: "ended", actions: [] },
  },
};
