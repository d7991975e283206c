import type { StoredText } from "../checkpoint-store.ts";
import type { ObjectBatch, ObjectReader } from "../plumbing/objects.ts";
import { maxChunkBytes } from "../format/chunks.ts";
import type { TakenText } from "./session-text.ts";

/** A transcript whose blobs are written as one blob, for readers that do not reassemble; as it is where it has one already, or is too large for one. */
export async function wholeText(
  { text }: Pick<TakenText, "text">,
  { objects, batch }: { readonly objects: ObjectReader; readonly batch: ObjectBatch },
): Promise<StoredText | undefined> {
  if (text === undefined || text.chunks.length < 2) return text;
  const size = text.chunks.reduce((sum, { bytes }) => sum + bytes + 1, -1);
  if (size > maxChunkBytes) return text;
  const parts: Buffer[] = [];
  for (const { id, bytes } of text.chunks) {
    const part = await objects.blob(id, { maxBytes: bytes });
    if (part === null) return text;
    if (parts.length > 0) parts.push(Buffer.from("\n"));
    parts.push(part);
  }
  const whole = Buffer.concat(parts);
  return { chunks: [{ id: batch.blob(whole), bytes: whole.length }], hash: text.hash };
}
