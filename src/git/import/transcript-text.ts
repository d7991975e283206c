import { isHoldfastError } from "../../core/errors.ts";
import { derivedUuid } from "../../core/derived-uuid.ts";
import type { EntryInput } from "../../core/entry.ts";
import { fieldsOf, objectIn, textOf } from "../../core/json.ts";
import { joinChunks } from "../format/chunks.ts";
import type { ObjectReader } from "../plumbing/objects.ts";
import type { CheckpointSession } from "./checkpoint-sessions.ts";

/** The transcript of a session; a reason where it cannot be read. */
export async function transcriptText(
  objects: ObjectReader,
  { transcript, bytes }: CheckpointSession,
): Promise<{ readonly text: string } | { readonly reason: string }> {
  if (transcript.length === 0) return { reason: "no checkpoint has its transcript" };
  if (bytes > maxBytes)
    return { reason: `its transcript has ${bytes} bytes, and at most ${maxBytes} are read` };
  const chunks: Buffer[] = [];
  for (const id of transcript) {
    try {
      const chunk = await objects.blob(id, { maxBytes });
      if (chunk === null) return { reason: `the object ${id} is not in the repository` };
      chunks.push(chunk);
    } catch (error) {
      if (!isHoldfastError(error) || !error.code.startsWith("git_object_")) throw error;
      return { reason: error.message };
    }
  }
  return { text: joinChunks(chunks).toString() };
}

/** Whether a transcript is Claude Code's, whatever its label says (specification, section 2). */
export function isClaudeTranscript(text: string): boolean {
  return text
    .slice(0, maxSniffed)
    .split("\n", 50)
    .some((line) => {
      const fields = objectIn(line);
      const isMessage = fields?.["type"] === "user" || fields?.["type"] === "assistant";
      return isMessage && textOf(fields["uuid"]) !== undefined && "message" in fields;
    });
}

/** The entries of a transcript that is not Claude Code's: its lines, or the messages of a document. */
export function entriesOf(
  text: string,
  { sessionId, createdAtMs }: CheckpointSession,
): { readonly entries: readonly EntryInput[]; readonly bad: number } {
  const document = objectIn(text);
  const messages = document?.["messages"];
  const isDocument = document !== undefined && Array.isArray(messages);
  const bodies = isDocument
    ? (messages as readonly unknown[]).map((message) => JSON.stringify(fieldsOf(message)))
    : text.split("\n").map((line) => line.trim());
  const seen = new Map<string, number>();
  const entries: EntryInput[] = [];
  let bad = 0;
  for (const body of bodies) {
    if (body === "") continue;
    const fields = body === undefined ? undefined : objectIn(body);
    if (fields === undefined) {
      bad += 1;
      continue;
    }
    // Of lines that are alike the second is another one.
    const count = (seen.get(body!) ?? 0) + 1;
    seen.set(body!, count);
    const uuid = derivedUuid("checkpoint", sessionId, body!, String(count));
    const atMs = Date.parse(textOf(fields["timestamp"]) ?? "");
    const at = Number.isNaN(atMs) || atMs < 0 ? createdAtMs : atMs;
    entries.push({ body: body!.replaceAll("\r", " "), uuid, atMs: at });
  }
  return { entries, bad };
}

const maxBytes = 400 * 1024 * 1024;
const maxSniffed = 1024 * 1024;
