import { objectIn } from "../../core/json.ts";
import type { RawObject } from "./raw-json.ts";

/** Where this checkpoint's part of the session's transcript begins. */
export type TranscriptStart =
  | { readonly kind: "line"; readonly line: number }
  | { readonly kind: "after"; readonly uuid: string };

/** What a session's metadata says of the start of this checkpoint's part (section 3.2). */
export function transcriptStartOf(metadata: RawObject): TranscriptStart {
  for (const key of ["checkpoint_transcript_start", "transcript_lines_at_start"]) {
    const line = metadata.number(key);
    if (line !== undefined && Number.isSafeInteger(line) && line > 0) return { kind: "line", line };
  }
  const uuid = metadata.text("transcript_identifier_at_start");
  return uuid === undefined || uuid === "" ? { kind: "line", line: 0 } : { kind: "after", uuid };
}

/** The number of lines before this checkpoint's part; the whole text is its part where the line that is named is not there. */
export function startLineIn(start: TranscriptStart, lines: readonly string[]): number {
  if (start.kind === "line") return start.line;
  const at = lines.findIndex((line) => line.includes(start.uuid) && objectIn(line)?.["uuid"] === start.uuid);
  return at + 1;
}

/** The keys that say the start; they are replaced together, since a stale one would be believed. */
export const transcriptStartKeys: readonly string[] = [
  "transcript_identifier_at_start",
  "checkpoint_transcript_start",
  "transcript_lines_at_start",
];
