import type { StoredCheckpoint, StoredSession } from "../checkpoint-store.ts";
import { promptCountOf } from "../format/metadata.ts";
import { slotsBySession } from "../format/slots.ts";
import type { ObjectReader } from "../plumbing/objects.ts";
import { promptsOf } from "../reading/checkpoint-facts.ts";
import type { PartBegin } from "./part-facts.ts";
import type { StoredPart } from "./session-input.ts";

/** A session's slot in a checkpoint, of two the one that counts; undefined where it has none. */
export function slotOf(stored: StoredCheckpoint, sessionId: string): StoredSession | undefined {
  const owners = stored.sessions.map((session) => ({
    slot: session.slot,
    sessionId: session.sessionId,
    createdAt: session.metadata.text("created_at"),
  }));
  const slot = slotsBySession(owners).get(sessionId);
  return stored.sessions.find((session) => session.slot === slot);
}

/** Where the part of a session begins that a checkpoint holds. */
export function beginOf({ metadata }: StoredSession): PartBegin {
  const start = metadata.number("checkpoint_transcript_start") ?? 0;
  return {
    start,
    // Where a part goes back to the first line, its tokens do not (specification §3.2).
    tokenStart: metadata.number("token_transcript_start") ?? start,
    compactStart: metadata.number("compact_transcript_start"),
  };
}

/** What is said again when a slot is replaced. */
export async function storedPartOf(objects: ObjectReader, session: StoredSession): Promise<StoredPart> {
  return {
    prompts: await promptsOf(objects, session),
    promptCount: promptCountOf(session.metadata),
    files: session.metadata.texts("files_touched"),
  };
}
