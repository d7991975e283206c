import { createHash } from "node:crypto";
import type { LogKey, SessionKey } from "../../core/ids.ts";
import { isDamage } from "../damage.ts";
import type { ObjectReader } from "../plumbing/objects.ts";
import type { CheckpointSession } from "./checkpoint-sessions.ts";
import type { SessionResult } from "./session-result.ts";
import { nameOf, type SessionTranscript } from "./session-transcripts.ts";
import { isClaudeTranscript, piecesOf } from "./transcript-text.ts";

/** A transcript of Claude Code's, of a session or of one of its subagents. */
export interface ClaudeTranscript {
  readonly key: LogKey;
  /** For a file: a transcript of the same bytes has the same name and time whenever it is read. */
  readonly name: string;
  readonly atMs: number;
  readonly pieces: AsyncIterable<Buffer>;
}

/** Whether a session is Claude Code's: one transcript is enough to tell. */
export async function isOfClaude(
  objects: ObjectReader,
  { transcripts }: CheckpointSession,
): Promise<boolean> {
  for (const { chunks } of transcripts) {
    try {
      if (await isClaudeTranscript(piecesOf(objects, chunks))) return true;
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
  }
  return false;
}

/** Brings in the transcripts of a session that is Claude Code's; one that cannot be read is told. */
export async function importOfClaude(params: {
  readonly objects: ObjectReader;
  readonly key: SessionKey;
  readonly session: CheckpointSession;
  readonly importClaude: (transcript: ClaudeTranscript) => Promise<SessionResult>;
}): Promise<SessionResult> {
  const { objects, key, session, importClaude } = params;
  const counts = { entries: 0, duplicates: 0 };
  const problems: string[] = [];
  for (const transcript of session.transcripts) {
    const { chunks, log, atMs, checkpoint } = transcript;
    try {
      const result = await importClaude({
        ...{ key: { ...key, log }, atMs, name: nameOfFile(session.sessionId, transcript) },
        pieces: piecesOf(objects, chunks),
      });
      counts.entries += result.entries;
      counts.duplicates += result.duplicates;
      problems.push(...result.problems);
    } catch (error) {
      if (!isDamage(error)) throw error;
      problems.push(`${checkpoint}: ${nameOf(session.sessionId, transcript)}: ${error.message}`);
    }
  }
  return { ...counts, problems };
}

function nameOfFile(sessionId: string, { log, chunks }: SessionTranscript): string {
  const hash = createHash("sha256").update(JSON.stringify([log, chunks]));
  return `${sessionId}-${hash.digest("hex").slice(0, 12)}`;
}
