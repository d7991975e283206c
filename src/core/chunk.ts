import type { Entry, EntryInput } from "./entry.ts";

/** A row of the table: entries of one append that follow one another, none of which holds a line break. */
export interface Chunk {
  readonly first: number;
  readonly last: number;
  /** JSON array of each entry's time in ms. */
  readonly times: string;
  /** JSON array of each entry's uuid or null; null where none has one. */
  readonly uuids: string | null;
  /** A body a line. */
  readonly bodies: string;
}

/** An entry that has its time. */
export type TimedEntry = EntryInput & { readonly atMs: number };

/** Cuts what is appended after `head` into chunks that a reader of a few entries can afford. */
export function chunksOf(head: number, entries: readonly TimedEntry[]): Chunk[] {
  const chunks: Chunk[] = [];
  for (let from = 0, to = 0; from < entries.length; from = to) {
    to = endOfChunk(entries, from);
    chunks.push(chunkOf(head, entries, from, to));
  }
  return chunks;
}

/** The chunk's entries from seq `from` to seq `to`. */
export function entriesOf(chunk: Chunk, from: number, to: number): Entry[] {
  const times = JSON.parse(chunk.times) as readonly number[];
  const uuids = chunk.uuids === null ? [] : (JSON.parse(chunk.uuids) as readonly (string | null)[]);
  const bodies = chunk.bodies.split("\n");
  const entries: Entry[] = [];
  const end = Math.min(to, chunk.last);
  for (let seq = Math.max(from, chunk.first); seq <= end; seq += 1) {
    const at = seq - chunk.first;
    const [atMs, uuid, body] = [times[at]!, uuids[at] ?? undefined, bodies[at]!];
    entries.push(uuid === undefined ? { seq, atMs, body } : { seq, atMs, uuid, body });
  }
  return entries;
}

/** The uuids that a column of them holds. */
export function uuidsIn(column: string): string[] {
  return (JSON.parse(column) as readonly (string | null)[]).filter((uuid) => uuid !== null);
}

// A page of 50 entries then reads two chunks or three, and a load makes one row of many entries.
const maxEntries = 64;
const maxLength = 1 << 17;

function endOfChunk(entries: readonly EntryInput[], from: number): number {
  let length = entries[from]!.body.length;
  let to = from + 1;
  while (to < entries.length && to - from < maxEntries) {
    length += entries[to]!.body.length;
    if (length > maxLength) break;
    to += 1;
  }
  return to;
}

function chunkOf(head: number, entries: readonly TimedEntry[], from: number, to: number): Chunk {
  const [times, uuids, bodies]: [number[], (string | null)[], string[]] = [[], [], []];
  let keyed = false;
  for (let at = from; at < to; at += 1) {
    const { atMs, uuid, body } = entries[at]!;
    keyed ||= uuid !== undefined;
    times.push(atMs);
    uuids.push(uuid ?? null);
    bodies.push(body);
  }
  return {
    first: head + from + 1,
    last: head + to,
    times: JSON.stringify(times),
    uuids: keyed ? JSON.stringify(uuids) : null,
    bodies: bodies.join("\n"),
  };
}
