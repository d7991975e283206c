import { closeSync, openSync, readSync } from "node:fs";
import { isUuid } from "../../core/entry.ts";

/** One line of a transcript file: an object's own text, or what is wrong with it. */
export type TranscriptLine =
  | {
      readonly line: number;
      readonly body: string;
      readonly entry: Readonly<Record<string, unknown>>;
      readonly uuid: string | undefined;
    }
  | { readonly line: number; readonly fault: "corrupt" | "torn" };

/** Reads a JSONL file in pieces of 1 MB, so that its size does not matter; a last line cut short is `torn`. */
export function* readTranscript(path: string): Generator<TranscriptLine[]> {
  const file = openSync(path, "r");
  try {
    const chunk = Buffer.alloc(pieceBytes);
    let rest = Buffer.alloc(0);
    let line = 0;
    for (let bytes = readSync(file, chunk); bytes > 0; bytes = readSync(file, chunk)) {
      const data = Buffer.concat([rest, chunk.subarray(0, bytes)]);
      const end = data.lastIndexOf(newline) + 1;
      rest = data.subarray(end);
      if (end === 0) continue;
      const lines = splitLines(data.subarray(0, end - 1));
      yield lines.flatMap((bytesOfLine, index) => parseLine(bytesOfLine, line + index + 1, "corrupt"));
      line += lines.length;
    }
    if (rest.length > 0) yield parseLine(rest, line + 1, "torn");
  } finally {
    closeSync(file);
  }
}

const pieceBytes = 1 << 20;
const newline = 0x0a;

function splitLines(data: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  let from = 0;
  for (let to = data.indexOf(newline); to !== -1; to = data.indexOf(newline, from)) {
    lines.push(data.subarray(from, to));
    from = to + 1;
  }
  lines.push(data.subarray(from));
  return lines;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function parseLine(bytes: Buffer, line: number, fault: "corrupt" | "torn"): TranscriptLine[] {
  try {
    const body = utf8.decode(bytes).trim();
    if (body === "") return [];
    const entry: unknown = JSON.parse(body);
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return [{ line, fault }];
    const uuid = (entry as { uuid?: unknown }).uuid;
    return [{ line, body, entry: entry as Record<string, unknown>, uuid: isUuid(uuid) ? uuid : undefined }];
  } catch {
    return [{ line, fault }];
  }
}
