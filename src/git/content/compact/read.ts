import { type Fields, fieldsOf, objectIn, textOf } from "../../../core/json.ts";

/** One line of a compact transcript as it was read: nothing of it is trusted. */
export interface ReadCompactLine {
  readonly type: "user" | "assistant";
  readonly agent: string | undefined;
  readonly ts: string | undefined;
  readonly id: string | undefined;
  /** A text alone is one block. */
  readonly content: readonly Fields[];
}

/** Reads lines of a compact transcript (section 9); what is no such line, or of a later form, is passed over. */
export function readCompact(text: string): ReadCompactLine[] {
  return text.split("\n").flatMap((line) => readLine(line) ?? []);
}

/** This checkpoint's part: the lines from `compact_transcript_start` on; a legacy file that names none is all of it. */
export function compactPart(text: string, start: number | undefined): ReadCompactLine[] {
  const lines = text.split("\n");
  return readCompact(lines.slice(start ?? 0).join("\n"));
}

function readLine(line: string): ReadCompactLine | undefined {
  const fields = line === "" ? undefined : objectIn(line);
  const type = fields?.["type"];
  if (fields?.["v"] !== 1 || (type !== "user" && type !== "assistant")) return undefined;
  const [agent, ts, id] = [textOf(fields["agent"]), textOf(fields["ts"]), textOf(fields["id"])];
  return { type, agent, ts, id, content: contentOf(fields["content"]) };
}

function contentOf(content: unknown): readonly Fields[] {
  if (typeof content === "string") return [{ text: content }];
  return Array.isArray(content) ? content.map(fieldsOf).filter((block) => block !== undefined) : [];
}
