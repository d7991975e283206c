import { type Fields, fieldsOf, objectIn, textOf } from "../../core/json.ts";
import { type Phase, phaseOf } from "./phases.ts";

/** What Holdfast knows of one agent session in one repository; it is ours alone (specification §12 tells of the CLI's). */
export interface SessionState {
  readonly sessionId: string;
  /** The agent's registry name (specification §15). */
  readonly agent: string;
  readonly phase: Phase;
  /** The worktree by its key: `@` is the main one, any other the name of its folder in `worktrees/`. */
  readonly worktree: string;
  readonly worktreePath: string;
  readonly transcriptPath?: string;
  readonly branch?: string;
  /** The commit on which the session's pending work stands. */
  readonly baseCommit?: string;
  readonly model?: string;
  readonly startedAtMs: number;
  readonly endedAtMs?: number;
  readonly lastInteractionAtMs: number;
  /** 12 hex digits, the same on all checkpoints of one prompt. */
  readonly turnId?: string;
  readonly turnStartedAtMs?: number;
  /** Prompts since the last checkpoint, redacted. */
  readonly prompts: readonly string[];
  /** When each of them was given. */
  readonly promptMarks: readonly PromptMark[];
  /** How many there were, kept or not. */
  readonly promptCount: number;
  /** Files that the session changed and no checkpoint holds, relative to the worktree. */
  readonly filesTouched: readonly string[];
  /** How many there were, kept or not. */
  readonly filesTouchedCount: number;
  /**
   * Files that were not clean when the turn began, so that they are not taken for the agent's; undefined where nobody
   * knows, and then nothing is the agent's by git alone.
   */
  readonly dirtyBefore: readonly string[] | undefined;
  /** Bytes of the transcript that were looked through for touched files. */
  readonly scannedBytes: number;
  /** Lines of the transcript before the part of the next checkpoint. */
  readonly checkpointTranscriptStart: number;
  /** Checkpoints made in this turn, to be completed when it stops. */
  readonly turnCheckpoints: readonly string[];
  readonly lastCheckpoint?: string;
  /** The agent's process, and when it started in the kernel's own count: `pid:start`. */
  readonly owner?: string;
  readonly tasks: readonly TaskState[];
  readonly progress?: SessionProgress;
  /** Keys that this version does not know; kept as they are. */
  readonly rest: Fields;
}

/** When a prompt was given, and the turn that it began: the worker may come to a commit when the next turn has begun. */
export interface PromptMark {
  readonly atMs: number;
  readonly turn: string;
}

/** How far a session was condensed: where its next checkpoint goes on. */
export interface SessionProgress {
  /** The commit that was condensed last, so that the same event does nothing when it comes again. */
  readonly commit?: string;
  /** When that was. */
  readonly atMs: number;
  /** Lines of the transcript whose tokens earlier checkpoints count. */
  readonly lines: number;
  /** Lines of the compact transcript before the part of the next checkpoint. */
  readonly compactLines: number;
  /** Hash of the last of the lines, and its uuid where it has one: they tell whether the lines are the same still. */
  readonly mark?: string;
  readonly uuid?: string;
  /** The last prompt, for a further commit in the same turn. */
  readonly prompt?: string;
  readonly turn?: string;
}

/** A subagent that the session started. */
export interface TaskState {
  readonly toolUseId: string;
  readonly agentId?: string;
  readonly subagentType?: string;
  /** Redacted. */
  readonly description?: string;
  readonly startedAtMs: number;
  readonly completedAtMs?: number;
}

/** A session without which nobody heard of for so long is over: a crash leaves no word. */
const staleAfterMs = 7 * 86_400_000;

/** The most that is kept of each list; how many there were is kept beside it. */
export const mostKept = { prompts: 200, files: 5_000, tasks: 200, turnCheckpoints: 500 } as const;

/** True for an id that can be the name of a file, and a word of a line. */
export function isSessionId(id: unknown): id is string {
  return typeof id === "string" && /^[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.|$)){0,127}$/.test(id);
}

/** True while a commit could belong to it. */
export function isPending({ phase, filesTouched }: Pick<SessionState, "phase" | "filesTouched">): boolean {
  return phase === "active" || filesTouched.length > 0;
}

export function isStale(
  { lastInteractionAtMs }: Pick<SessionState, "lastInteractionAtMs">,
  nowMs: number,
): boolean {
  return nowMs - lastInteractionAtMs > staleAfterMs;
}

/** A session of which only this much is known yet. */
export function newSession(
  known: Pick<SessionState, "sessionId" | "agent" | "worktree" | "worktreePath">,
  nowMs: number,
): SessionState {
  return {
    ...known,
    phase: "idle",
    startedAtMs: nowMs,
    lastInteractionAtMs: nowMs,
    prompts: [],
    promptMarks: [],
    promptCount: 0,
    filesTouched: [],
    filesTouchedCount: 0,
    dirtyBefore: [],
    scannedBytes: 0,
    checkpointTranscriptStart: 0,
    turnCheckpoints: [],
    tasks: [],
    rest: {},
  };
}

/** Adds files to those touched: each once, and no more than are kept. */
export function withFiles(state: SessionState, files: Iterable<string>): SessionState {
  const kept = new Set(state.filesTouched);
  let count = state.filesTouchedCount;
  for (const file of files) {
    if (kept.has(file)) continue;
    count += 1;
    if (kept.size < mostKept.files) kept.add(file);
  }
  return { ...state, filesTouched: [...kept], filesTouchedCount: count };
}

/** Adds a prompt; the oldest go where there are too many. */
export function withPrompt(state: SessionState, prompt: string, mark: PromptMark): SessionState {
  return {
    ...state,
    prompts: [...state.prompts, prompt].slice(-mostKept.prompts),
    promptMarks: [...state.promptMarks, mark].slice(-mostKept.prompts),
    promptCount: state.promptCount + 1,
  };
}

/** The state as it is stored. */
export function sessionText({ rest, ...known }: SessionState): string {
  return `${JSON.stringify({ ...rest, ...known }, null, 1)}\n`;
}

/** Reads what was stored; undefined where it is no session, or not the one that its name says. */
export function readSessionText(text: string, sessionId: string): SessionState | undefined {
  const all = objectIn(text);
  if (all === undefined || all["sessionId"] !== sessionId || !isSessionId(sessionId)) return undefined;
  const [worktree, worktreePath] = [textOf(all["worktree"]), textOf(all["worktreePath"])];
  if (worktree === undefined || worktreePath === undefined) return undefined;
  const startedAtMs = wholeOf(all["startedAtMs"]);
  const filesTouched = textsIn(all["filesTouched"], mostKept.files);
  const prompts = textsIn(all["prompts"], mostKept.prompts);
  return {
    ...optionalTexts(all),
    sessionId,
    agent: textOf(all["agent"]) ?? "claude-code",
    phase: phaseOf(all["phase"]),
    worktree,
    worktreePath,
    startedAtMs,
    ...(all["endedAtMs"] === undefined ? {} : { endedAtMs: wholeOf(all["endedAtMs"]) }),
    ...(all["turnStartedAtMs"] === undefined ? {} : { turnStartedAtMs: wholeOf(all["turnStartedAtMs"]) }),
    lastInteractionAtMs: wholeOf(all["lastInteractionAtMs"]),
    prompts,
    promptMarks: promptMarksIn(all["promptMarks"], prompts.length),
    promptCount: Math.max(prompts.length, wholeOf(all["promptCount"])),
    filesTouched,
    filesTouchedCount: Math.max(filesTouched.length, wholeOf(all["filesTouchedCount"])),
    dirtyBefore: Array.isArray(all["dirtyBefore"]) ? textsIn(all["dirtyBefore"], mostKept.files) : undefined,
    scannedBytes: wholeOf(all["scannedBytes"]),
    checkpointTranscriptStart: wholeOf(all["checkpointTranscriptStart"]),
    turnCheckpoints: textsIn(all["turnCheckpoints"], mostKept.turnCheckpoints),
    tasks: listIn(all["tasks"], mostKept.tasks).flatMap(taskIn),
    ...progressIn(all["progress"]),
    rest: Object.fromEntries(Object.entries(all).filter(([key]) => !knownKeys.has(key))),
  };
}

const optionalKeys = [
  "transcriptPath",
  "branch",
  "baseCommit",
  "model",
  "turnId",
  "lastCheckpoint",
  "owner",
] as const;

const knownKeys: ReadonlySet<string> = new Set([
  ...optionalKeys,
  "endedAtMs",
  "turnStartedAtMs",
  "progress",
  ...Object.keys(newSession({ sessionId: "", agent: "", worktree: "", worktreePath: "" }, 0)),
]);

function optionalTexts(all: Fields): { readonly [key in (typeof optionalKeys)[number]]?: string } {
  const pairs = optionalKeys.flatMap((key) =>
    typeof all[key] === "string" ? [[key, all[key]] as const] : [],
  );
  return Object.fromEntries(pairs);
}

function wholeOf(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

function listIn(value: unknown, most: number): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, most) : [];
}

function textsIn(value: unknown, most: number): readonly string[] {
  return listIn(value, most).filter((one) => typeof one === "string");
}

function taskIn(value: unknown): readonly TaskState[] {
  const { toolUseId, agentId, subagentType, description, startedAtMs, completedAtMs } = fieldsOf(value) ?? {};
  if (typeof toolUseId !== "string") return [];
  return [
    {
      toolUseId,
      ...(typeof agentId === "string" ? { agentId } : {}),
      ...(typeof subagentType === "string" ? { subagentType } : {}),
      ...(typeof description === "string" ? { description } : {}),
      startedAtMs: wholeOf(startedAtMs),
      ...(completedAtMs === undefined ? {} : { completedAtMs: wholeOf(completedAtMs) }),
    },
  ];
}

/** One for each prompt; of those that nothing is known of, that they are old. */
function promptMarksIn(value: unknown, count: number): readonly PromptMark[] {
  const marks = listIn(value, mostKept.prompts).map((item) => {
    const { atMs, turn } = fieldsOf(item) ?? {};
    return { atMs: wholeOf(atMs), turn: textOf(turn) ?? "" };
  });
  return Array.from({ length: count }, (_, at) => marks[marks.length - count + at] ?? { atMs: 0, turn: "" });
}

function progressIn(value: unknown): { readonly progress?: SessionProgress } {
  const fields = fieldsOf(value);
  if (fields === undefined) return {};
  const texts = (["commit", "mark", "uuid", "prompt", "turn"] as const).flatMap((key) =>
    typeof fields[key] === "string" ? [[key, fields[key]] as const] : [],
  );
  const [atMs, lines, compactLines] = [fields["atMs"], fields["lines"], fields["compactLines"]].map(wholeOf);
  return {
    progress: { ...Object.fromEntries(texts), atMs: atMs!, lines: lines!, compactLines: compactLines! },
  };
}
