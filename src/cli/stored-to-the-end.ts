import { closeSync, openSync, readSync } from "node:fs";
import type { TranscriptFile } from "../agents/claude/find-transcripts.ts";
import { importedBefore } from "../agents/claude/import-record.ts";
import { timeOf } from "../agents/claude/stored-transcript.ts";
import { isUuid } from "../core/entry.ts";
import type { LogKey } from "../core/ids.ts";
import type { Store } from "../core/store.ts";

/**
 * Whether the store has a transcript up to its end: the file is as it was imported, or its last whole line with a uuid
 * is in the log, which a mirror may have put there. Costs the ends of both, however long they are; lines that are
 * lost before the end are for `verify` to find.
 */
export async function isStoredToTheEnd(store: Store, file: TranscriptFile, log: LogKey): Promise<boolean> {
  if ((await importedBefore(store, file, log)) !== undefined) return true;
  const last = lastMessage(file);
  if (last === undefined) return file.size === 0 || (await store.read({ log, limit: 1 })).committed > 0;
  return await holds(store, log, last);
}

interface Message {
  readonly uuid: string;
  readonly atMs: number | undefined;
}

/** The last whole line with a uuid; undefined where none is near the end, which then holds no conversation. */
function lastMessage({ path, size }: TranscriptFile): Message | undefined {
  const file = openSync(path, "r");
  try {
    for (let length = Math.min(size, leastBytes); length > 0; length = Math.min(size, length * 8)) {
      const buffer = Buffer.allocUnsafe(length);
      const bytes = buffer.subarray(0, readSync(file, buffer, { position: size - length }));
      const found = lastMessageIn(bytes, length === size);
      if (found !== undefined || length === size || length >= mostBytes) return found;
    }
    return undefined;
  } finally {
    closeSync(file);
  }
}

function lastMessageIn(bytes: Buffer, isWhole: boolean): Message | undefined {
  // What stands before the first line's end may be half of a line.
  let rest = isWhole ? bytes : bytes.subarray(bytes.indexOf(newline) + 1);
  while (rest.length > 0) {
    const start = rest.subarray(0, -1).lastIndexOf(newline) + 1;
    const found = messageOf(rest.toString("utf8", start));
    if (found !== undefined) return found;
    rest = rest.subarray(0, start);
  }
  return undefined;
}

function messageOf(line: string): Message | undefined {
  if (!line.includes('"uuid"')) return undefined;
  try {
    const entry = JSON.parse(line) as Readonly<Record<string, unknown>> | null;
    const uuid = entry?.["uuid"];
    return entry !== null && isUuid(uuid) ? { uuid, atMs: timeOf(entry) } : undefined;
  } catch {
    // Cut short or corrupt: an import leaves it out too.
    return undefined;
  }
}

/** Looks for a message at the log's end, up to where all is older than it. */
async function holds(store: Store, log: LogKey, { uuid, atMs }: Message): Promise<boolean> {
  let left = mostEntries;
  let limit = 20;
  for (let after: number | undefined; left > 0; left -= limit, limit = 200) {
    const page = { log, order: "desc" as const, limit, ...(after === undefined ? {} : { after }) };
    const { entries } = await store.read(page);
    if (entries.some((entry) => entry.uuid === uuid)) return true;
    const oldest = entries.at(-1);
    if (oldest === undefined || oldest.seq === 1) return false;
    // Times never run backwards in a log; a mirror has them from a clock of its own.
    if (atMs !== undefined && oldest.atMs < atMs - clockSkewMs) return false;
    after = oldest.seq;
  }
  return false;
}

const newline = 0x0a;
const leastBytes = 1 << 16;
// Two of the longest lines that an agent is known to write.
const mostBytes = 32 << 20;
const mostEntries = 10_000;
const clockSkewMs = 3_600_000;
