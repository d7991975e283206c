import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { type Fields, objectIn } from "../../../core/json.ts";

/** The entries of a transcript's last whole lines, the last first; of a file that is gone or whose last line is long, of none. */
export function* readTail(path: string): Generator<Fields> {
  for (const line of lastText(path).split("\n").slice(1).toReversed()) {
    const entry = line === "" ? undefined : objectIn(line);
    if (entry !== undefined) yield entry;
  }
}

const mostBytes = 1 << 20;

/** The end of a file, with a line break before it where all of it was read. */
function lastText(path: string): string {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(size, mostBytes));
    const read = readSync(file, buffer, { position: size - buffer.length });
    const text = buffer.toString("utf8", 0, read);
    return buffer.length === size ? `\n${text}` : text;
  } catch {
    return "";
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
