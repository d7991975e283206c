import type { StoredSession } from "../checkpoint-store.ts";
import { finalizeMessage } from "../format/commit-message.ts";
import { type FlowContext, queueRefs, strategy } from "./flow-context.ts";
import { keepProgress, readKeptProgress } from "./kept-progress.ts";
import { type SessionPart, takePart } from "./session-part.ts";
import type { SessionState } from "./session-state.ts";
import { takeTasks } from "./session-tasks.ts";
import { beginOf, slotOf, storedPartOf } from "./stored-part.ts";
import { settled } from "./settled-file.ts";

/**
 * Completes the checkpoints of a turn that is over: each gets the whole transcript (specification §11). What came after
 * the last commit belongs to its checkpoint too, unless a file of it waits for the next one.
 */
export async function finaliseTurn(
  context: FlowContext,
  { sessionId, atMs, isOver = true }: FinaliseParams,
): Promise<void> {
  const found = context.sessions.read(sessionId);
  if (found === undefined || found.turnCheckpoints.length === 0) return;
  const state = await readKeptProgress(context, found);
  if (state.transcriptPath !== undefined) await settled(state.transcriptPath);
  const part = await lastPart(context, { state, atMs });
  if (part !== undefined)
    for (const id of state.turnCheckpoints) await complete(context, { id, state, part });
  await part?.keep();
  if (!isOver) return;
  const after = context.sessions.change(sessionId, (now) =>
    now === undefined ? undefined : afterTurn(now, { state, part, atMs }),
  );
  if (after !== undefined) keepProgress(context, after);
}

export interface FinaliseParams {
  readonly sessionId: string;
  readonly atMs: number;
  /** False: the turn goes on, and its checkpoints are completed again when it ends. */
  readonly isOver?: boolean;
}

/** The part of the last checkpoint, up to the end of the turn. */
async function lastPart(
  context: FlowContext,
  { state, atMs }: { readonly state: SessionState; readonly atMs: number },
): Promise<SessionPart | undefined> {
  const last = state.turnCheckpoints.at(-1)!;
  const stored = await context.store.read(last);
  const slot = stored === null ? undefined : slotOf(stored, state.sessionId);
  try {
    return await takePart(context, {
      state: { ...state, phase: state.phase === "active" ? "idle" : state.phase },
      untilMs: atMs,
      ...(slot === undefined ? {} : { begin: beginOf(slot) }),
    });
  } catch (error) {
    context.log(`transcript of ${state.sessionId}`, error);
    return undefined;
  }
}

async function complete(
  context: FlowContext,
  { id, state, part }: { readonly id: string; readonly state: SessionState; readonly part: SessionPart },
): Promise<void> {
  const stored = await context.store.read(id);
  const slot = stored === null ? undefined : slotOf(stored, state.sessionId);
  // Who removed it meant to.
  if (stored === null || slot === undefined) return;
  const isLast = id === state.turnCheckpoints.at(-1);
  const { root } = stored;
  const { prompts } = await storedPartOf(context.repository.objects, slot);
  const { refs } = await context.store.update({
    id,
    strategy: root.text("strategy") ?? strategy,
    cliVersion: context.cliVersion,
    sessions: [
      {
        sessionId: state.sessionId,
        prompts,
        ...part.input,
        metadata: { branch: undefined, ...(isLast && !hasPending(state) ? lastFields(part, slot) : {}) },
      },
    ],
    ...(isLast ? { tasks: await takeTasks(context, state) } : {}),
    subject: finalizeMessage(id),
  });
  await queueRefs(context, refs);
}

function lastFields(part: SessionPart, { metadata }: StoredSession): Readonly<Record<string, unknown>> {
  const { token_usage: tokens, session_metrics: metrics, model } = part.metadata;
  return {
    ...(tokens === undefined ? {} : { token_usage: tokens }),
    ...(metrics === undefined ? {} : { session_metrics: metrics }),
    ...(model === "" || (metadata.text("model") ?? "") !== "" ? {} : { model }),
  };
}

/** True where the rest of the turn belongs to the next checkpoint. */
function hasPending({ filesTouched }: SessionState): boolean {
  return filesTouched.length > 0;
}

function afterTurn(
  now: SessionState,
  {
    state,
    part,
    atMs,
  }: { readonly state: SessionState; readonly part: SessionPart | undefined; readonly atMs: number },
): SessionState {
  const done = new Set(state.turnCheckpoints);
  const completed = new Set(
    state.tasks.filter(({ completedAtMs }) => completedAtMs !== undefined).map(({ toolUseId }) => toolUseId),
  );
  const left = {
    ...now,
    turnCheckpoints: now.turnCheckpoints.filter((id) => !done.has(id)),
    tasks: part === undefined ? now.tasks : now.tasks.filter(({ toolUseId }) => !completed.has(toolUseId)),
  };
  if (part === undefined || hasPending(state) || now.progress?.commit !== state.progress?.commit) return left;
  const before = now.progress ?? { atMs, lines: 0, compactLines: 0 };
  return {
    ...left,
    checkpointTranscriptStart: part.end,
    progress: { ...before, lines: part.end, compactLines: part.nextCompactStart, ...part.last, atMs },
  };
}
