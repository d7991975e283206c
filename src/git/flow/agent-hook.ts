import { randomBytes } from "node:crypto";
import { type Fields, fieldsOf, textOf } from "../../core/json.ts";
import { redactText } from "../../core/redaction.ts";
import { logFailure } from "./hook-log.ts";
import { ownerProcess } from "./owner-process.ts";
import { type PhaseEvent, transition } from "./phases.ts";
import { headOf, type Place } from "./place.ts";
import { SessionFiles } from "./session-files.ts";
import {
  isSessionId,
  mostKept,
  newSession,
  type SessionState,
  withFiles,
  withPrompt,
} from "./session-state.ts";
import { Spool } from "./spool.ts";
import { changedFiles, scanTranscript } from "./touched-files.ts";

/** What an agent tells its hooks, by the words of specification §11. */
export const agentVerbs = [
  "session-start",
  "user-prompt-submit",
  "stop",
  "session-end",
  "subagent-stop",
  "pre-task",
  "post-task",
  "post-todo",
  "pre-compact",
] as const;

export type AgentVerb = (typeof agentVerbs)[number];

export interface AgentHookParams {
  readonly agent: string;
  readonly verb: AgentVerb;
  /** The agent's JSON: nothing in it is trusted. */
  readonly input: Fields;
  readonly place: Place;
  /** The process that called the hook. */
  readonly parent: number;
  readonly now?: () => number;
}

/** Notes what an agent's hook tells: in the session's state, and in the spool where there is work to do. */
export function handleAgentHook(params: AgentHookParams): { readonly startWorker: boolean } {
  const { verb, input, place, now = Date.now } = params;
  const sessionId = input["session_id"];
  if (!isSessionId(sessionId)) throw new Error("The agent's session_id cannot be the name of a file.");
  const sessions = new SessionFiles({ commonDir: place.commonDir, now });
  const found = lookAround(params, sessions.read(sessionId));
  const state = sessions.change(sessionId, (before) => {
    const known = before ?? newSession({ sessionId, agent: params.agent, ...placed(place) }, now());
    return changed(params, known, found, now());
  });
  if (verb === "session-start") sessions.dropStale();
  const noted = spooledVerbs.has(verb) || isCompaction(params);
  if (noted) note(params, sessionId, state);
  // A session that begins is the moment to look whether another tool took our hooks away.
  return { startWorker: noted || verb === "session-start" };
}

/** What only a look at the disk tells; taken before the lock, because it takes its time. */
interface Found {
  /** Undefined: git took too long, or there are more than are kept. */
  readonly dirty: readonly string[] | undefined;
  readonly files: readonly string[];
  readonly scannedBytes: number | undefined;
}

// What makes work that can be done only now: the others are in the state alone.
const spooledVerbs: ReadonlySet<AgentVerb> = new Set(["stop", "session-end", "pre-compact"]);

// What a commit waits for at the most, were it made at this moment.
const statusTimeoutMs = 400;

function placed({ worktree, worktreePath }: Place): Pick<SessionState, "worktree" | "worktreePath"> {
  return { worktree, worktreePath };
}

function isCompaction({ verb, input }: AgentHookParams): boolean {
  return verb === "pre-compact" || (verb === "session-start" && input["source"] === "compact");
}

function lookAround({ verb, input, place }: AgentHookParams, state: SessionState | undefined): Found {
  const { commonDir, worktreePath } = place;
  const looks = verb === "user-prompt-submit" || verb === "stop" || verb === "session-end";
  if (!looks) return { dirty: undefined, files: [], scannedBytes: undefined };
  const listed = changedFiles(worktreePath, { timeoutMs: statusTimeoutMs });
  if (listed === undefined)
    logFailure(commonDir, verb, "git status took too long; files are known by tool calls alone.");
  const files = state === undefined || verb === "user-prompt-submit" ? [] : sinceTurnBegan(state, listed);
  // A part of the list would make the rest the agent's.
  const dirty = listed !== undefined && listed.length <= mostKept.files ? listed : undefined;
  const path = textOf(input["transcript_path"]) ?? state?.transcriptPath;
  try {
    const scanned =
      path === undefined
        ? undefined
        : scanTranscript(path, { scannedBytes: state?.scannedBytes ?? 0, worktreePath });
    return {
      dirty,
      files: [...(scanned?.files ?? []), ...files],
      scannedBytes: scanned?.scannedBytes,
    };
  } catch (error) {
    logFailure(commonDir, `${verb}: transcript`, error);
    return { dirty, files, scannedBytes: undefined };
  }
}

/** None where nobody knows what was there before the turn: it may be a person's. */
function sinceTurnBegan(
  { phase, dirtyBefore }: SessionState,
  listed: readonly string[] | undefined,
): readonly string[] {
  if (phase !== "active" || dirtyBefore === undefined || listed === undefined) return [];
  const before = new Set(dirtyBefore);
  return listed.filter((file) => !before.has(file));
}

function changed(params: AgentHookParams, before: SessionState, found: Found, nowMs: number): SessionState {
  const { input, place, parent } = params;
  const { commit, branch } = headOf(place);
  const [transcriptPath, model] = [textOf(input["transcript_path"]), textOf(input["model"])];
  const owner = ownerProcess(parent);
  const looked: SessionState = {
    ...withFiles(before, found.files),
    ...placed(place),
    ...(transcriptPath === undefined ? {} : { transcriptPath }),
    ...(model === undefined ? {} : { model }),
    ...(branch === undefined ? {} : { branch }),
    ...(commit === undefined || before.baseCommit !== undefined ? {} : { baseCommit: commit }),
    ...(owner === undefined ? {} : { owner }),
    ...(found.scannedBytes === undefined ? {} : { scannedBytes: found.scannedBytes }),
  };
  const isAgain = isToldAgain(params, before, found, nowMs);
  return inPhase(params, isAgain ? looked : turned(params, looked, found, nowMs), nowMs);
}

/**
 * True for a prompt that Claude Code tells by the hooks of a further settings file too. One that a person gives again
 * comes after the end of a turn, or after what the transcript says of the first.
 */
function isToldAgain(
  { verb, input }: AgentHookParams,
  { phase, prompts, promptMarks, turnId, scannedBytes }: SessionState,
  found: Found,
  nowMs: number,
): boolean {
  const mark = promptMarks.at(-1);
  if (verb !== "user-prompt-submit" || phase !== "active" || mark === undefined) return false;
  const isNow = mark.turn === turnId && nowMs - mark.atMs <= hooksApartMs;
  return isNow && (found.scannedBytes ?? scannedBytes) === scannedBytes && prompts.at(-1) === promptIn(input);
}

// Between two that Claude Code starts at once.
const hooksApartMs = 2_000;

function turned(
  { verb, input }: AgentHookParams,
  state: SessionState,
  { dirty }: Found,
  nowMs: number,
): SessionState {
  if (verb === "user-prompt-submit") {
    const prompt = promptIn(input);
    const turnId = randomBytes(6).toString("hex");
    const asked = prompt === "" ? state : withPrompt(state, prompt, { atMs: nowMs, turn: turnId });
    return { ...asked, turnId, turnStartedAtMs: nowMs, dirtyBefore: dirty };
  }
  return verb === "pre-task" || verb === "post-task" || verb === "subagent-stop"
    ? withTask(verb, input, state, nowMs)
    : state;
}

function promptIn(input: Fields): string {
  return redactText((textOf(input["prompt"]) ?? "").slice(0, maxPromptCharacters));
}

const maxPromptCharacters = 64 << 10;

function withTask(verb: AgentVerb, input: Fields, state: SessionState, nowMs: number): SessionState {
  const toolUseId = textOf(input["tool_use_id"]);
  const response = fieldsOf(input["tool_response"]);
  const agentId = textOf(input["agent_id"]) ?? textOf(response?.["agentId"]);
  const index = state.tasks.findLastIndex((task) =>
    toolUseId === undefined
      ? task.agentId === agentId && agentId !== undefined
      : task.toolUseId === toolUseId,
  );
  if (index === -1 && toolUseId === undefined) return state;
  const { subagent_type: kind, description } = fieldsOf(input["tool_input"]) ?? {};
  const task = {
    toolUseId: toolUseId ?? "",
    startedAtMs: nowMs,
    ...state.tasks[index],
    ...(agentId === undefined ? {} : { agentId }),
    ...(typeof kind === "string" ? { subagentType: kind } : {}),
    ...(typeof description === "string" ? { description: redactText(description.slice(0, 2_000)) } : {}),
    ...(verb === "pre-task" ? {} : { completedAtMs: nowMs }),
  };
  const tasks = index === -1 ? [...state.tasks, task] : state.tasks.with(index, task);
  return { ...state, tasks: tasks.slice(-mostKept.tasks) };
}

function inPhase(params: AgentHookParams, state: SessionState, nowMs: number): SessionState {
  const event = phaseEventOf(params);
  if (event === undefined) return { ...state, lastInteractionAtMs: nowMs };
  const { to, actions } = transition(state.phase, event, { hasFiles: state.filesTouched.length > 0 });
  const { endedAtMs, ...open } = state;
  // An agent that starts a session which is active has not told of its end: it was killed.
  if (actions.includes("warn_stale_session"))
    logFailure(params.place.commonDir, params.verb, `${state.sessionId} was never stopped.`);
  const isCleared = actions.includes("clear_ended_at") || endedAtMs === undefined;
  return {
    ...(isCleared ? open : state),
    phase: to,
    ...(to === "ended" && state.phase !== "ended" ? { endedAtMs: nowMs } : {}),
    ...(actions.includes("update_last_interaction") || event === "session_start"
      ? { lastInteractionAtMs: nowMs }
      : {}),
  };
}

function phaseEventOf(params: AgentHookParams): PhaseEvent | undefined {
  if (isCompaction(params)) return "compaction";
  return phaseEvents[params.verb];
}

const phaseEvents: Partial<Record<AgentVerb, PhaseEvent>> = {
  "session-start": "session_start",
  "user-prompt-submit": "turn_start",
  stop: "turn_end",
  "session-end": "session_stop",
};

function note(
  { agent, verb, place }: AgentHookParams,
  sessionId: string,
  state: SessionState | undefined,
): void {
  new Spool(place).add({
    kind: "agent",
    fields: [
      ["agent", agent],
      ["verb", verb],
      ["session", sessionId],
      ["worktree", place.worktree],
      ...(state?.turnId === undefined ? [] : [["turn", state.turnId] as const]),
    ],
    body: "",
  });
}
