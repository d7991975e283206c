import { join } from "node:path";
import { objectIn } from "../../core/json.ts";
import type { FlowContext } from "./flow-context.ts";
import { readOwnFile, replaceOwnFile } from "./own-files.ts";
import { contentFolder } from "./session-part.ts";
import { readSessionText, type SessionState, sessionText } from "./session-state.ts";

/**
 * A session with its progress, also where its state was forgotten since: one that is resumed after weeks goes on where
 * its last checkpoint ended, and its tokens are not counted twice.
 */
export async function readKeptProgress(context: FlowContext, state: SessionState): Promise<SessionState> {
  if (state.progress !== undefined) return state;
  const bytes = readOwnFile(pathOf(context, state.sessionId), { maxBytes });
  const text = Buffer.isBuffer(bytes) ? bytes.toString("utf8") : "";
  const kept = objectIn(text) === undefined ? undefined : readSessionText(text, state.sessionId);
  if (kept?.progress === undefined) return state;
  const { progress, checkpointTranscriptStart } = kept;
  return { ...state, progress, checkpointTranscriptStart };
}

/** Keeps a session's progress beside its transcript. */
export function keepProgress(context: FlowContext, state: SessionState): void {
  try {
    replaceOwnFile(
      pathOf(context, state.sessionId),
      sessionText({ ...state, prompts: [], filesTouched: [] }),
    );
  } catch (error) {
    context.log(`progress of ${state.sessionId}`, error);
  }
}

const maxBytes = 8 << 20;

function pathOf(context: FlowContext, sessionId: string): string {
  return join(contentFolder(context, sessionId), "progress.json");
}
