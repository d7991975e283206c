import { lstatSync } from "node:fs";
import { dirname, join } from "node:path";
import type { StoredText, TaskInput } from "../checkpoint-store.ts";
import { SessionText } from "../content/session-text.ts";
import { storedLines } from "../content/stored-lines.ts";
import { filesWrittenBy } from "../content/touched-files.ts";
import { PartUsage } from "../content/usage.ts";
import { cappedList } from "../format/capped-list.ts";
import { isSafeName } from "../layouts/check-input.ts";
import type { FlowContext } from "./flow-context.ts";
import { contentFolder } from "./session-part.ts";
import type { SessionState, TaskState } from "./session-state.ts";
import { within } from "./touched-files.ts";

/** The subagents of a session with their transcripts, as a checkpoint keeps them (specification §3.5). */
export async function takeTasks(context: FlowContext, state: SessionState): Promise<readonly TaskInput[]> {
  const tasks: TaskInput[] = [];
  for (const task of state.tasks)
    if (isSafeName(task.toolUseId)) tasks.push(await taken(context, state, task));
  return tasks;
}

async function taken(context: FlowContext, state: SessionState, task: TaskState): Promise<TaskInput> {
  const { toolUseId, subagentType, description, startedAtMs, completedAtMs } = task;
  const agentId = task.agentId !== undefined && isSafeName(task.agentId) ? task.agentId : undefined;
  const found = agentId === undefined ? undefined : await takeTranscript(context, state, agentId);
  return {
    toolUseId,
    ...(agentId === undefined ? {} : { agentId }),
    ...(found === undefined ? {} : { transcript: found.text }),
    task: {
      ...(subagentType === undefined ? {} : { subagent_type: context.redactor.text(subagentType) }),
      ...(description === undefined ? {} : { task_description: context.redactor.text(description) }),
      ...found?.fields,
      started_at: new Date(startedAtMs).toISOString(),
      ...(completedAtMs === undefined ? {} : { completed_at: new Date(completedAtMs).toISOString() }),
      ...(found === undefined && completedAtMs !== undefined
        ? { transcript_unavailable_reason: reasonOf(agentId) }
        : {}),
    },
  };
}

function reasonOf(agentId: string | undefined): string {
  return agentId === undefined ? "the agent did not name it" : "the agent left no transcript";
}

async function takeTranscript(
  context: FlowContext,
  state: SessionState,
  agentId: string,
): Promise<{ readonly text: StoredText; readonly fields: Readonly<Record<string, unknown>> } | undefined> {
  const path = transcriptOf(state, agentId);
  if (path === undefined) return undefined;
  const { repository, redactor, log } = context;
  const { objects } = repository;
  const folder = join(contentFolder(context, state.sessionId), `agent-${agentId}`);
  const batch = repository.batch();
  try {
    const taken = await new SessionText({ folder, redactor }).take({
      path,
      objects,
      batch,
      // The format has a place for assets beside a session's transcript alone.
      keepsPictures: true,
    });
    await taken.keep();
    const { text, chunks } = taken;
    if (text === undefined) return undefined;
    const [usage, files] = [new PartUsage(), new Set<string>()];
    for await (const line of storedLines(chunks, objects)(0)) {
      usage.add(line);
      for (const told of filesWrittenBy(line))
        for (const file of within(state.worktreePath, told)) files.add(file);
    }
    const { token_usage: tokens } = usage.metadata();
    return {
      text,
      fields: {
        ...(files.size === 0 ? {} : { files: cappedList(files).values }),
        ...(tokens === undefined ? {} : { token_usage: tokens }),
      },
    };
  } catch (error) {
    log(`transcript of the subagent ${agentId}`, error);
    return undefined;
  }
}

/** Beside the session's transcript, or in a folder of its own there, as newer versions of Claude Code have it. */
function transcriptOf({ transcriptPath, sessionId }: SessionState, agentId: string): string | undefined {
  if (transcriptPath === undefined) return undefined;
  const [folder, name] = [dirname(transcriptPath), `agent-${agentId}.jsonl`];
  return [join(folder, name), join(folder, sessionId, "subagents", name)].find(
    (path) => lstatSync(path, { throwIfNoEntry: false })?.isFile() === true,
  );
}
