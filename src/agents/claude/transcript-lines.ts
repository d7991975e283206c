import { closeSync, openSync, readSync } from "node:fs";
import { isUuid } from "../../core/entry.ts";

/** One line of a transcript file: an object's own text, or what is wrong with it. */
export type TranscriptLine = ObjectLine | { readonly line: number; readonly fault: "corrupt" | "torn" };

export interface ObjectLine {
  readonly line: number;
  readonly body: string;
  readonly entry: Readonly<Record<string, unknown>>;
  readonly uuid: string | undefined;
}

/** Reads a JSONL file in pieces of about 1 MB, so that its size does not matter; a last line cut short is `torn`. */
export function* readTranscript(path: string): Generator<TranscriptPiece> {
  const file = openSync(path, "r");
  try {
    let rest: Buffer[] = [];
    let line = 0;
    const buffer = Buffer.alloc(pieceBytes);
    for (let size = readSync(file, buffer); size > 0; size = readSync(file, buffer)) {
      const chunk = buffer.subarray(0, size);
      const end = chunk.lastIndexOf(newline) + 1;
      if (end === 0) {
        rest.push(Buffer.from(chunk));
        continue;
      }
      const data = Buffer.concat([...rest, chunk.subarray(0, end - 1)]);
      const found = splitLines(data);
      const lines = found.flatMap((bytes, index) => parseLine(bytes, line + index + 1, "corrupt"));
      yield { lines, bytes: data.length + 1 };
      line += found.length;
      rest = [Buffer.from(chunk.subarray(end))];
    }
    const last = Buffer.concat(rest);
    if (last.length > 0) yield { lines: parseLine(last, line + 1, "torn"), bytes: last.length };
  } finally {
    closeSync(file);
  }
}

/** Some lines that follow one another, and the size of their text in the file. */
export interface TranscriptPiece {
  readonly lines: readonly TranscriptLine[];
  readonly bytes: number;
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
    // Inside an object a bare carriage return can only be white space between its parts.
    const body = utf8.decode(bytes).trim().replaceAll("\r", " ");
    if (body === "") return [];
    const entry: unknown = JSON.parse(body);
    if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return [{ line, fault }];
    const uuid = (entry as { uuid?: unknown }).uuid;
    return [{ line, body, entry: entry as Record<string, unknown>, uuid: isUuid(uuid) ? uuid : undefined }];
  } catch {
    return [{ line, fault }];
  }
}
