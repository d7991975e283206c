import type { StoredCheckpoint, StoredSession } from "../checkpoint-store.ts";
import { currentSlots } from "../current-slots.ts";
import { shapeOfId, ulidTimeMs } from "../format/ids.ts";
import { promptCountOf } from "../format/metadata.ts";
import type { RawObject } from "../format/raw-json.ts";
import type { ObjectId, ObjectReader } from "../plumbing/objects.ts";
import { isHoldfastError } from "../../core/errors.ts";
import { type TokenFacts, tokenFacts } from "./token-facts.ts";

/** What a list says of a checkpoint. */
export interface CheckpointFacts {
  readonly id: string;
  readonly version: ObjectId;
  /** When its last session was stored; null where nothing tells. */
  readonly atMs: number | null;
  readonly branch: string | null;
  readonly files: number;
  readonly usage: TokenFacts | null;
  readonly sessions: readonly SessionFacts[];
  /** How many findings there were when it was read. */
  readonly findings: number;
}

export interface SessionFacts {
  readonly slot: number;
  readonly session: string | null;
  readonly agent: string | null;
  readonly model: string | null;
  readonly atMs: number | null;
  readonly prompts: number;
  /** The first line of the first prompt. */
  readonly prompt: string | null;
  readonly usage: TokenFacts | null;
}

/** Reads what a list says of a checkpoint: of its blobs only the prompts. */
export async function factsOf(objects: ObjectReader, stored: StoredCheckpoint): Promise<CheckpointFacts> {
  const sessions = await Promise.all(
    currentSessions(stored).map((session) => sessionFacts(objects, session)),
  );
  const { id, version, root } = stored;
  const times = sessions.flatMap(({ atMs }) => atMs ?? []);
  return {
    id,
    version,
    atMs: times.length > 0 ? Math.max(...times) : shapeOfId(id) === "ulid" ? ulidTimeMs(id) : null,
    branch: nameIn(root, "branch"),
    files: Math.max(root.number("files_touched_count") ?? 0, root.texts("files_touched").length),
    usage: tokenFacts(root.object("token_usage")),
    sessions,
    findings: stored.findings.length,
  };
}

/** The sessions of a checkpoint, of one that has two slots the later (section 2). */
export function currentSessions({ sessions }: StoredCheckpoint): readonly StoredSession[] {
  const kept = currentSlots(sessions);
  return sessions.filter(({ slot, sessionId }) => sessionId === undefined || kept.has(slot));
}

/** The prompts of a session's part (section 2); those that are too long to be prompts are left out. */
export async function promptsOf(
  objects: ObjectReader,
  { prompt }: StoredSession,
): Promise<readonly string[]> {
  const bytes = prompt === undefined ? null : await readOrNull(objects, prompt, maxPromptBytes);
  const text = bytes?.toString() ?? "";
  return text === "" ? [] : text.split("\n\n---\n\n");
}

/** A time of the metadata; null where it is none. */
export function timeIn(metadata: RawObject, key: string): number | null {
  const atMs = Date.parse(metadata.text(key) ?? "");
  return Number.isNaN(atMs) ? null : atMs;
}

/** A text that says something; null where it does not. */
export function nameIn(metadata: RawObject, key: string): string | null {
  const text = metadata.text(key);
  return text === undefined || text === "" ? null : text.slice(0, maxNameLength);
}

/** A blob of at most so many bytes; null where it is missing, larger, damaged or none. */
export async function readOrNull(
  objects: ObjectReader,
  id: ObjectId,
  maxBytes: number,
): Promise<Buffer | null> {
  try {
    return await objects.blob(id, { maxBytes });
  } catch (error) {
    if (isHoldfastError(error) && /^git_object_(?:too_large|invalid|unfetched)$/.test(error.code))
      return null;
    throw error;
  }
}

const maxPromptBytes = 16 * 1024 * 1024;
const maxNameLength = 300;
const maxPromptLength = 200;

async function sessionFacts(objects: ObjectReader, session: StoredSession): Promise<SessionFacts> {
  const { slot, sessionId, metadata } = session;
  const [prompt] = await promptsOf(objects, session);
  const usage = tokenFacts(metadata.object("token_usage"));
  return {
    slot,
    session: sessionId?.slice(0, maxNameLength) ?? null,
    agent: nameIn(metadata, "agent"),
    model: nameIn(metadata, "model"),
    atMs: timeIn(metadata, "created_at"),
    prompts: promptCountOf(metadata),
    prompt: prompt === undefined ? null : firstLine(prompt),
    usage,
  };
}

function firstLine(prompt: string): string {
  const line = prompt.trimStart().split("\n", 1)[0] ?? "";
  // A copy: a slice of all prompts would keep their whole text in memory.
  return Buffer.from(line.trim().slice(0, maxPromptLength)).toString();
}
