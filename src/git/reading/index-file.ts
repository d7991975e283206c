import { readOwnFile, replaceOwnFile } from "../flow/own-files.ts";

/** What is kept of a checkpoint, by its version: its text is read only where it is wanted. */
export interface KeptRow {
  readonly version: string;
  readonly text: string;
}

/** Reads the rows of an index, by id; a file of another form is no index, and what is no row is passed over. */
export function readIndex(path: string): Map<string, KeptRow> {
  const rows = new Map<string, KeptRow>();
  const bytes = readOwnFile(path, { maxBytes: maxIndexBytes });
  const text = Buffer.isBuffer(bytes) ? bytes.toString() : "";
  if (!text.startsWith(head)) return rows;
  for (let from = head.length; from < text.length;) {
    const newline = text.indexOf("\n", from);
    const end = newline < 0 ? text.length : newline;
    const afterId = text.indexOf(" ", from);
    const afterVersion = text.indexOf(" ", afterId + 1);
    if (afterId > from && afterVersion > afterId && afterVersion < end) {
      const version = text.slice(afterId + 1, afterVersion);
      rows.set(text.slice(from, afterId), { version, text: text.slice(afterVersion + 1, end) });
    }
    from = end + 1;
  }
  return rows;
}

/** Writes an index whole; it only saves time, so that a repository that cannot be written is none the worse. */
export function writeIndex(path: string, rows: Iterable<readonly [id: string, row: KeptRow]>): void {
  const lines = Array.from(rows, ([id, { version, text }]) => `${id} ${version} ${text}\n`);
  try {
    replaceOwnFile(path, head + lines.join(""));
  } catch {
    // Read again the next time.
  }
}

// Its number is raised whenever a row changes its shape.
const head = "holdfast-index 1\n";
const maxIndexBytes = 256 * 1024 * 1024;
