import type { Entry } from "../core/entry.ts";
import type { LogRow, ReadResult, SessionRow, Store, Tombstone } from "../core/store.ts";

/** An answer in parts that both stores of a mirror must give alike, each under a name for people. */
export type Comparable = readonly (readonly [name: string, value: string])[];

/** The first part that differs; undefined: none does. */
export function differenceOf(primary: Comparable, secondary: Comparable): string | undefined {
  const found = new Map(secondary);
  const other = primary.find(([name, value]) => found.get(name) !== value);
  if (other !== undefined) return other[0];
  const names = new Set(primary.map(([name]) => name));
  return secondary.find(([name]) => !names.has(name))?.[0];
}

// Times are left out: a store takes none that is ahead of its own clock.
export function comparableRead({ entries, head, committed }: ReadResult): Comparable {
  return [["head", `${head} ${committed}`], ...entries.map(comparableEntry)];
}

export function comparableLogs(rows: readonly LogRow[]): Comparable {
  return rows.map(({ log, head, committed, length }) => [`log "${log}"`, `${head} ${committed} ${length}`]);
}

// A session that a run alone has made is mirrored with its first entry.
export function comparableSession(row: SessionRow | null): Comparable {
  if (row === null || row.entries === 0) return [["session", "none"]];
  const { provider, title, labels, summary, mainHead, entries, length, revision } = row;
  const sorted = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.entries({
    provider,
    title,
    labels: sorted,
    summary,
    mainHead,
    entries,
    length,
    revision,
  }).map(([name, value]) => [name, JSON.stringify(value)]);
}

export function comparableTombstone(tombstone: Tombstone | null): Comparable {
  if (tombstone === null) return [["tombstone", "none"]];
  const { actor, reason, sealed } = tombstone;
  return [["tombstone", JSON.stringify([actor, reason, sealed])]];
}

/** The bodies of a log from some entry on, at constant memory. */
export async function comparableScan(bodies: ReturnType<Store["scan"]>): Promise<Comparable> {
  let [count, length, hash] = [0, 0, 0];
  for await (const piece of bodies)
    for (const body of piece) {
      count += 1;
      length += body.length;
      for (let at = 0; at < body.length; at += 1) hash = (Math.imul(hash, 31) + body.charCodeAt(at)) | 0;
    }
  return [
    ["count", `${count}`],
    ["bodies", `${length} ${hash}`],
  ];
}

function comparableEntry({ seq, uuid, body }: Entry): readonly [string, string] {
  return [`entry ${seq}`, JSON.stringify([uuid, body])];
}
