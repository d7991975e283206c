import { HoldfastError } from "../../core/errors.ts";
import { derivedUuid } from "../../core/derived-uuid.ts";
import type { EntryInput } from "../../core/entry.ts";
import { type Fields, fieldsOf, objectIn, textOf } from "../../core/json.ts";
import type { ObjectId, ObjectReader } from "../plumbing/objects.ts";

/** A transcript piece by piece, the breaks between its chunks included. @throws checkpoint_damaged where one is not here */
export async function* piecesOf(
  objects: ObjectReader,
  chunks: readonly ObjectId[],
): AsyncGenerator<Buffer, undefined> {
  for (const [index, id] of chunks.entries()) {
    const piece = await objects.blob(id, { maxBytes: maxChunkBytes });
    if (piece === null) throw missingChunk(id);
    if (index > 0) yield Buffer.from("\n");
    if (piece.length > 0) yield piece;
  }
  return undefined;
}

/** Whether a transcript is Claude Code's, whatever its label says (specification, section 2); only its beginning is read. */
export async function isClaudeTranscript(pieces: AsyncIterable<Buffer>): Promise<boolean> {
  let beginning = "";
  for await (const piece of pieces) {
    beginning += piece.subarray(0, maxSniffedBytes).toString();
    if (beginning.length >= maxSniffedBytes) break;
  }
  return beginning.split("\n", 50).some((line) => {
    const fields = objectIn(line);
    const isMessage = fields?.["type"] === "user" || fields?.["type"] === "assistant";
    return isMessage && textOf(fields["uuid"]) !== undefined && "message" in fields;
  });
}

/** An entry of another agent's transcript; another version of the same one has the same key. */
export interface KeyedEntry {
  readonly key: string;
  readonly entry: EntryInput & { readonly uuid: string };
}

/**
 * The entries of a transcript that is not Claude Code's: its lines, or the messages of a document. A line is known by its
 * words, a message by its id, since an agent writes it again when it goes on; lines without a time are of `atMs`.
 */
export function entriesOf(
  text: string,
  { sessionId, atMs: defaultMs }: { readonly sessionId: string; readonly atMs: number },
): { readonly entries: readonly KeyedEntry[]; readonly bad: number } {
  const seen = new Map<string, number>();
  // Of what is alike the second is another one.
  const nth = (words: string): string => {
    seen.set(words, (seen.get(words) ?? 0) + 1);
    return String(seen.get(words));
  };
  const entries: KeyedEntry[] = [];
  let bad = 0;
  const messages = messagesIn(text);
  for (const body of messages ?? text.split("\n").map((line) => line.trim())) {
    if (body === "") continue;
    const fields = body === undefined ? undefined : objectIn(body);
    if (body === undefined || fields === undefined) {
      bad += 1;
      continue;
    }
    const uuid = derivedUuid("checkpoint", sessionId, body, nth(body));
    const id = messages === undefined ? undefined : idOf(fields);
    const key = id === undefined ? uuid : `${id} ${nth(`id ${id}`)}`;
    const atMs = Date.parse(textOf(fields["timestamp"]) ?? "");
    const at = Number.isNaN(atMs) || atMs < 0 ? defaultMs : atMs;
    entries.push({ key, entry: { body: body.replaceAll("\r", " "), uuid, atMs: at } });
  }
  return { entries, bad };
}

const maxChunkBytes = 400 * 1024 * 1024;
const maxSniffedBytes = 1024 * 1024;

/** The messages of a document; undefined where it is none. */
function messagesIn(text: string): readonly (string | undefined)[] | undefined {
  const messages = objectIn(text)?.["messages"];
  if (!Array.isArray(messages)) return undefined;
  return (messages as readonly unknown[]).map((message) => JSON.stringify(fieldsOf(message)));
}

function idOf(message: Fields): string | undefined {
  return textOf(message["id"]) ?? textOf(fieldsOf(message["info"])?.["id"]);
}

function missingChunk(id: ObjectId): HoldfastError {
  return new HoldfastError({
    code: "checkpoint_damaged",
    message: `The object ${id} of the transcript is not in the repository.`,
    next: "Fetch it from where the checkpoint was pushed to, then import again.",
    data: { id },
  });
}
