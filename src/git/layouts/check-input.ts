import { HoldfastError } from "../../core/errors.ts";
import type { CheckpointInput, SessionInput, StoredText, TaskInput } from "../checkpoint-store.ts";
import { isContentHash } from "../format/hash.ts";
import { checkId } from "../format/ids.ts";
import { maxSessions } from "./read-checkpoint.ts";

/** Refuses what could not be stored, or not be read again, before anything is written. @throws checkpoint_invalid */
export function checkInput({ id, sessions, tasks = [], others = [] }: CheckpointInput): void {
  checkId(id);
  if (sessions.length + tasks.length + others.length === 0) refuse(id, "has neither a session nor a task");
  if (sessions.length > maxSessions) refuse(id, `has ${sessions.length} sessions`);
  if (new Set(sessions.map(({ sessionId }) => sessionId)).size < sessions.length)
    refuse(id, "names a session twice");
  for (const session of sessions) checkSession(id, session);
  for (const task of tasks) checkTask(id, task);
}

/** True for what may name a file or folder of a checkpoint. */
export function isSafeName(name: string): boolean {
  return /^[\w][\w.:@+=-]{0,199}$/.test(name);
}

function checkSession(id: string, { sessionId, transcript, compact, assets }: SessionInput): void {
  if (!isSafeName(sessionId)) refuse(id, `has a session that is called ${shown(sessionId)}`);
  for (const text of [transcript, compact]) if (text !== undefined) checkText(id, text);
  if (compact !== undefined && compact.chunks.length !== 1)
    refuse(id, `has a compact transcript in ${compact.chunks.length} pieces`);
  for (const { name } of assets?.files ?? [])
    if (!isSafeName(name) || name === "manifest.json")
      refuse(id, `has an asset that is called ${shown(name)}`);
}

function checkTask(id: string, { toolUseId, agentId, transcript }: TaskInput): void {
  if (!isSafeName(toolUseId)) refuse(id, `has a task that is called ${shown(toolUseId)}`);
  if (agentId !== undefined && !isSafeName(agentId))
    refuse(id, `has an agent that is called ${shown(agentId)}`);
  if (transcript === undefined) return;
  checkText(id, transcript);
  if (agentId === undefined) refuse(id, "has a task with a transcript of no agent");
}

function checkText(id: string, { chunks, hash }: StoredText): void {
  if (!isContentHash(hash)) refuse(id, `has a transcript with the hash ${shown(hash)}`);
  if (chunks.length === 0) refuse(id, "has a transcript of no pieces");
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 100));
}

function refuse(id: string, fault: string): never {
  throw new HoldfastError({
    code: "checkpoint_invalid",
    message: `The checkpoint ${id} ${fault}.`,
    next: "Names are of letters, digits and _ . : @ + = -; a hash is sha256: and 64 hex digits.",
    data: { id },
  });
}
