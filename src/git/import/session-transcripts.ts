import { objectIn, textOf } from "../../core/json.ts";
import type { StoredCheckpoint } from "../checkpoint-store.ts";
import { isDamage } from "../damage.ts";
import { agentFiles } from "../format/agent-files.ts";
import type { ObjectId, ObjectReader } from "../plumbing/objects.ts";
import { type NamedSession, timeOf } from "./named-sessions.ts";
import { longestOf } from "./longest-of.ts";
import { piecesOf } from "./transcript-text.ts";

/** A transcript as one checkpoint has it. */
export interface SessionTranscript {
  /** Empty for the session's own, `subagents/agent-<id>` for a subagent's. */
  readonly log: string;
  readonly checkpoint: string;
  readonly atMs: number;
  /** Joined with `\n` they are the whole. */
  readonly chunks: readonly ObjectId[];
  readonly bytes: number;
}

/** Collects the transcripts of sessions; what is not whole goes to `problems`. */
export class Transcripts {
  readonly #objects: ObjectReader;
  readonly #problems: string[];
  /** By session and log, then by chunks. */
  readonly #found = new Map<string, Map<string, Map<string, SessionTranscript>>>();

  constructor(objects: ObjectReader, problems: string[]) {
    this.#objects = objects;
    this.#problems = problems;
  }

  async add(stored: StoredCheckpoint, named: readonly NamedSession[]): Promise<void> {
    const { id: checkpoint, findings } = stored;
    for (const { code, where, sentence } of findings)
      if (code === "chunk_missing") this.#problems.push(`${checkpoint}: ${where}: ${sentence}`);
    for (const { sessionId, session } of named) {
      const [atMs, chunks] = [timeOf(session.metadata), session.transcript];
      await this.#take(sessionId, { log: "", checkpoint, atMs, chunks });
    }
    for (const { toolUseId, transcripts } of stored.tasks)
      for (const { agentId, chunks, missing } of agentFiles(transcripts)) {
        const where = `${checkpoint}: tasks/${toolUseId}/agent-${agentId}.jsonl`;
        if (missing.length > 0) this.#problems.push(`${where}: of its pieces some are not there.`);
        const owner = await this.#ownerOf(chunks, named);
        if (owner === undefined)
          this.#problems.push(`${where}: it does not say to which session it belongs, and was left out.`);
        else {
          const atMs = timeOf(owner.session.metadata);
          const log = `subagents/agent-${agentId}`;
          await this.#take(owner.sessionId, { log, checkpoint, atMs, chunks });
        }
      }
  }

  /** All that no other one of the same log begins with, log by log, of each the oldest first. */
  async of(sessionId: string): Promise<readonly SessionTranscript[]> {
    const logs = [...(this.#found.get(sessionId) ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const all: SessionTranscript[] = [];
    for (const [, transcripts] of logs) {
      const longest = await longestOf(this.#objects, [...transcripts.values()], (one, error) =>
        this.#problems.push(`${one.checkpoint}: ${nameOf(sessionId, one)}: ${error.message}`),
      );
      all.push(...longest.toSorted((a, b) => a.atMs - b.atMs || (a.checkpoint < b.checkpoint ? -1 : 1)));
    }
    return all;
  }

  async #take(sessionId: string, transcript: Omit<SessionTranscript, "bytes">): Promise<void> {
    const { log, chunks, checkpoint } = transcript;
    const logs = this.#found.get(sessionId) ?? new Map<string, Map<string, SessionTranscript>>();
    const known = logs.get(log) ?? new Map<string, SessionTranscript>();
    if (known.has(chunks.join(" "))) return;
    const headers = await Promise.all(chunks.map((id) => this.#objects.header(id)));
    const bytes = headers.reduce((sum, header) => sum + (header?.size ?? 0) + 1, -1);
    if (bytes <= 0) return;
    const lost = headers.indexOf(null);
    if (lost !== -1) {
      const what = `the object ${chunks[lost]} of the transcript is not in the repository`;
      this.#problems.push(`${checkpoint}: ${nameOf(sessionId, transcript)}: ${what}, and it was left out.`);
      return;
    }
    known.set(chunks.join(" "), { ...transcript, bytes });
    this.#found.set(sessionId, logs.set(log, known));
  }

  /** Of several sessions that have a checkpoint together the one that the transcript's lines name. */
  async #ownerOf(
    chunks: readonly ObjectId[],
    named: readonly NamedSession[],
  ): Promise<NamedSession | undefined> {
    if (new Set(named.map(({ sessionId }) => sessionId)).size <= 1) return named[0];
    try {
      for await (const piece of piecesOf(this.#objects, chunks))
        for (const line of piece.toString().split("\n")) {
          const sessionId = textOf(objectIn(line)?.["sessionId"]);
          if (sessionId !== undefined) return named.find((session) => session.sessionId === sessionId);
        }
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
    return undefined;
  }
}

/** A transcript as people are told of it. */
export function nameOf(sessionId: string, { log }: Pick<SessionTranscript, "log">): string {
  return log === "" ? sessionId : `${sessionId} ${log}`;
}
