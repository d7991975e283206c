import { HoldfastError } from "../../core/errors.ts";
import { fieldsOf, objectIn } from "../../core/json.ts";
import type { RawSource } from "./raw-lines.ts";

/** The whole text of a transcript that is one JSON document (Gemini, OpenCode); undefined of lines. The agent's name does not tell (section 2). */
export async function readDocument(
  source: RawSource,
  { maxBytes }: { readonly maxBytes: number },
): Promise<string | undefined> {
  const head = (await source.read(0, headBytes)).toString("utf8");
  if (!mayBeDocument(head, source.size)) return undefined;
  if (source.size > maxBytes) return isOpenAtLineEnd(head) ? tooLarge(source.size, maxBytes) : undefined;
  const text = (await source.read(0, source.size)).toString("utf8");
  return isDocument(text) ? text : undefined;
}

/** Whether a text is one JSON document that holds messages, or one of several lines. */
export function isDocument(text: string): boolean {
  const fields = objectIn(text);
  return fields !== undefined && (Array.isArray(fields["messages"]) || text.trim().includes("\n"));
}

const headBytes = 64 << 10;

/** Lines are recognised by the first one; only what is no such thing is read whole. */
function mayBeDocument(head: string, size: number): boolean {
  if (!/^\s*\{/.test(head)) return false;
  const end = head.trimStart().indexOf("\n");
  if (end !== -1) return objectIn(head.trimStart().slice(0, end)) === undefined;
  return size <= headBytes
    ? true
    : /^\s*\{[^{}]{0,2000}"messages"\s*:\s*\[/.test(head) || /"info"\s*:\s*\{/.test(head.slice(0, 200));
}

/** A first line that is an object's beginning alone: no agent writes such lines. */
function isOpenAtLineEnd(head: string): boolean {
  return /^\s*\{\s*\n/.test(head) && fieldsOf(objectIn(head)) === undefined;
}

function tooLarge(bytes: number, maxBytes: number): never {
  throw new HoldfastError({
    code: "git_content_invalid",
    message: `The transcript is one JSON document of ${bytes} bytes; a checkpoint holds at most ${maxBytes}.`,
    next: "Leave the transcript out of the checkpoint.",
    data: { bytes, maxBytes },
  });
}
