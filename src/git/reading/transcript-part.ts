import { fieldsOf, objectIn } from "../../core/json.ts";
import type { StoredSession } from "../checkpoint-store.ts";
import { compactSourceOf } from "../content/compact/sources.ts";
import { isDocument } from "../content/sniff.ts";
import { startLineIn, type TranscriptStart, transcriptStartOf } from "../format/transcript-start.ts";
import type { ObjectReader } from "../plumbing/objects.ts";
import { readOrNull } from "./checkpoint-facts.ts";
import { type ReadState, transcriptLines } from "./transcript-lines.ts";

/** The part of a session's transcript that a checkpoint is about. */
export interface TranscriptPart {
  /** Lines of the agent's own, messages of one JSON document, lines of the compact transcript, or nothing. */
  readonly form: "lines" | "document" | "compact" | "none";
  readonly lines: readonly string[];
  /** How many lines, messages or response items stand before it. */
  readonly before: number;
  /** Lines that were left out between the beginning and the end, since the part is longer than was asked for. */
  readonly omitted: number;
  /** Where among `lines` those that were left out stood. */
  readonly omittedAt: number;
  /** Pieces of the transcript that could not be read. */
  readonly missing: number;
}

/** What a session's transcript is read from. */
export type Transcribed = Pick<StoredSession, "metadata" | "transcript" | "compact">;

/** Reads this checkpoint's part of a session (section 3.2); of a long one the beginning and the end. */
export async function transcriptPart(
  objects: ObjectReader,
  session: Transcribed,
  { maxBytes }: { readonly maxBytes: number },
): Promise<TranscriptPart> {
  if (session.transcript.length === 0) return compactPartOf(objects, session, maxBytes);
  const start = transcriptStartOf(session.metadata);
  const document = await documentIn(objects, session);
  if (document !== undefined) return documentPart(document, start, maxBytes);
  const state: ReadState = { missing: 0, isCut: false };
  const before = await linesBefore(objects, session, start);
  const bounds = new Bounds(maxBytes);
  let index = 0;
  for await (const lines of transcriptLines(objects, session.transcript, state))
    for (const line of lines) {
      if (before.counts(line)) index += 1;
      if (index > before.line || (index === before.line && !before.counts(line))) bounds.add(line);
    }
  return { form: "lines", before: Math.min(before.line, index), missing: state.missing, ...bounds.result() };
}

// A document has to be read whole; a larger one is shown as lines.
const maxDocumentBytes = 32 * 1024 * 1024;

interface Before {
  readonly line: number;
  /** Codex counts its response items alone. */
  readonly counts: (line: string) => boolean;
}

async function linesBefore(
  objects: ObjectReader,
  { transcript }: Transcribed,
  start: TranscriptStart,
): Promise<Before> {
  const every = { counts: () => true };
  if (start.kind === "line" && start.line === 0) return { line: 0, ...every };
  let at = 0;
  for await (const lines of transcriptLines(objects, transcript)) {
    for (const line of lines) {
      if (start.kind === "line") {
        const isCodex = compactSourceOf(line)?.agent === "codex";
        return { line: start.line, counts: isCodex ? isResponseItem : every.counts };
      }
      at += 1;
      if (startLineIn(start, [line]) === 1) return { line: at, ...every };
    }
  }
  return { line: 0, ...every };
}

function isResponseItem(line: string): boolean {
  return line.includes('"response_item"') && objectIn(line)?.["type"] === "response_item";
}

async function documentIn(
  objects: ObjectReader,
  { transcript }: Transcribed,
): Promise<readonly unknown[] | undefined> {
  const [only, ...others] = transcript;
  if (only === undefined || others.length > 0) return undefined;
  const bytes = await readOrNull(objects, only, maxDocumentBytes);
  if (bytes === null || !isDocument(bytes.toString())) return undefined;
  const messages = objectIn(bytes.toString())?.["messages"];
  return Array.isArray(messages) ? messages : undefined;
}

function documentPart(
  messages: readonly unknown[],
  start: TranscriptStart,
  maxBytes: number,
): TranscriptPart {
  const after = (uuid: string): number =>
    messages.findIndex((message) => fieldsOf(message)?.["id"] === uuid) + 1;
  const before = Math.min(start.kind === "line" ? start.line : after(start.uuid), messages.length);
  const bounds = new Bounds(maxBytes);
  for (const message of messages.slice(before)) bounds.add(JSON.stringify(message));
  return { form: "document", before, missing: 0, ...bounds.result() };
}

async function compactPartOf(
  objects: ObjectReader,
  { compact, metadata }: Transcribed,
  maxBytes: number,
): Promise<TranscriptPart> {
  const bounds = new Bounds(maxBytes);
  const start = Math.max(0, Math.trunc(metadata.number("compact_transcript_start") ?? 0));
  const state: ReadState = { missing: 0, isCut: false };
  if (compact === undefined) return { form: "none", before: 0, missing: 0, ...bounds.result() };
  let index = 0;
  for await (const lines of transcriptLines(objects, [compact], state))
    for (const line of lines) if (index++ >= start) bounds.add(line);
  return { form: "compact", before: Math.min(start, index), missing: state.missing, ...bounds.result() };
}

/** Keeps the beginning and the end of many lines, within so many bytes each. */
class Bounds {
  readonly #half: number;
  readonly #head: string[] = [];
  readonly #tail: string[] = [];
  #headBytes = 0;
  #tailBytes = 0;
  #tailFrom = 0;
  #omitted = 0;

  constructor(maxBytes: number) {
    this.#half = maxBytes / 2;
  }

  add(line: string): void {
    if (this.#tail.length === 0 && this.#headBytes + line.length <= this.#half) {
      this.#head.push(line);
      this.#headBytes += line.length;
      return;
    }
    this.#tail.push(line);
    this.#tailBytes += line.length;
    while (this.#tailBytes > this.#half && this.#tailFrom < this.#tail.length) {
      this.#tailBytes -= this.#tail[this.#tailFrom]!.length;
      this.#tail[this.#tailFrom] = "";
      this.#tailFrom += 1;
      this.#omitted += 1;
    }
  }

  result(): Pick<TranscriptPart, "lines" | "omitted" | "omittedAt"> {
    const lines = [...this.#head, ...this.#tail.slice(this.#tailFrom)];
    return { lines, omitted: this.#omitted, omittedAt: this.#head.length };
  }
}
