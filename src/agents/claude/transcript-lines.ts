import { closeSync, constants, openSync, readSync } from "node:fs";
import { isUuid } from "../../core/entry.ts";

/** One line of a transcript file: an object's own text, or what is wrong with it. */
export type TranscriptLine = ObjectLine | { readonly line: number; readonly fault: "corrupt" | "torn" };

export interface ObjectLine {
  readonly line: number;
  /** Where the line begins in the file, in bytes. */
  readonly offset: number;
  readonly body: string;
  readonly entry: Readonly<Record<string, unknown>>;
  readonly uuid: string | undefined;
}

/** Reads a JSONL file in pieces of about 1 MB, so that its size does not matter; a last line cut short is `torn`. */
export function* readTranscript(path: string): Generator<TranscriptPiece> {
  const file = openFile(path);
  try {
    let rest: Buffer[] = [];
    let [line, offset] = [1, 0];
    const buffer = Buffer.alloc(pieceBytes);
    for (let size = readSync(file, buffer); size > 0; size = readSync(file, buffer)) {
      const chunk = buffer.subarray(0, size);
      const end = chunk.lastIndexOf(newline) + 1;
      if (end === 0) {
        rest.push(Buffer.from(chunk));
        continue;
      }
      const data = Buffer.concat([...rest, chunk.subarray(0, end - 1)]);
      const { lines, count } = linesOf(data, { line, offset });
      yield { lines, bytes: data.length + 1 };
      line += count;
      offset += data.length + 1;
      rest = [Buffer.from(chunk.subarray(end))];
    }
    const last = Buffer.concat(rest);
    const found = parseLine(last, { line, offset }, "torn");
    if (last.length > 0) yield { lines: found === undefined ? [] : [found], bytes: last.length };
  } finally {
    closeSync(file);
  }
}

/** Some lines that follow one another, and the size of their text in the file. */
export interface TranscriptPiece {
  readonly lines: readonly TranscriptLine[];
  readonly bytes: number;
}

/** Reads one line again; undefined where no object begins at the offset any more. */
export function readLineAt(path: string, offset: number): ObjectLine | undefined {
  const file = openFile(path);
  try {
    for (let wanted = 1 << 14; ; wanted *= 8) {
      const buffer = Buffer.allocUnsafe(wanted);
      const size = readSync(file, buffer, { position: offset });
      const end = buffer.subarray(0, size).indexOf(newline);
      if (end === -1 && size === wanted) continue;
      const bytes = buffer.subarray(0, end === -1 ? size : end);
      const found = parseLine(bytes, { line: 0, offset }, "corrupt");
      return found !== undefined && "body" in found ? found : undefined;
    }
  } finally {
    closeSync(file);
  }
}

interface Place {
  readonly line: number;
  readonly offset: number;
}

const pieceBytes = 1 << 20;
const newline = 0x0a;

// A pipe that has taken the file's place must not block; to a file the flag says nothing.
function openFile(path: string): number {
  return openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
}

function linesOf(data: Buffer, start: Place): { readonly lines: TranscriptLine[]; readonly count: number } {
  const lines: TranscriptLine[] = [];
  let [count, from] = [0, 0];
  while (from <= data.length) {
    const at = data.indexOf(newline, from);
    const to = at === -1 ? data.length : at;
    const place = { line: start.line + count, offset: start.offset + from };
    const found = parseLine(data.subarray(from, to), place, "corrupt");
    if (found !== undefined) lines.push(found);
    count += 1;
    from = to + 1;
  }
  return { lines, count };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Undefined for a blank line. */
function parseLine(
  bytes: Buffer,
  { line, offset }: Place,
  fault: "corrupt" | "torn",
): TranscriptLine | undefined {
  try {
    const text = utf8.decode(bytes).trim();
    if (text === "") return undefined;
    const entry = JSON.parse(text) as { readonly uuid?: unknown } | null;
    if (typeof entry !== "object" || entry === null || Array.isArray(entry))
      return { line, fault: "corrupt" };
    // Parsed before, so that a bare carriage return is no part of a string: it is white space between parts.
    const body = text.replaceAll("\r", " ");
    const uuid = isUuid(entry.uuid) ? entry.uuid : undefined;
    return { line, offset, body, entry: entry as ObjectLine["entry"], uuid };
  } catch {
    return { line, fault };
  }
}
