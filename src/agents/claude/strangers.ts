import type { EntryInput } from "../../core/entry.ts";
import type { LogKey } from "../../core/ids.ts";
import { tailInOrder } from "../../core/reading-order.ts";
import type { Store } from "../../core/store.ts";
import { branchesOf } from "./transcript-branches.ts";
import { type Link, readLink } from "./transcript-links.ts";

/** What others wrote and is read behind a place that a writer stands on. */
export async function strangersAfter(store: Store, { log, known, to, own }: PlaceParams): Promise<Link[]> {
  const tail = await tailInOrder(store, log, Math.min(to - known, maxEntries));
  // A block that a rescue brought back is stored behind this place and read before it.
  const behind = tail.slice(tail.findIndex(({ seq }) => seq === known) + 1);
  return behind
    .filter(({ seq }) => seq > known && !own.some((range) => range.from <= seq && seq <= range.to))
    .map(({ seq, body }) => readLink(seq, body));
}

export interface PlaceParams {
  readonly log: LogKey;
  /** The last entry that the writer knows. */
  readonly known: number;
  readonly to: number;
  readonly own: readonly Range[];
}

/** Entries of a log, both ends included; `to < from`: none. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * Whether a batch leaves what others said meanwhile aside: a resume will then show one of the two only. A batch that
 * says nothing is on no branch, nor is one that goes on from all of their words. An import of the batch itself, which
 * came before its mirror, is no stranger.
 */
export function isBranch(strangers: readonly Link[], entries: readonly EntryInput[]): boolean {
  const own = linksOf(entries);
  const theirs = without(strangers, own);
  if (!saysAnything(theirs) || !saysAnything(without(own, strangers))) return false;
  const theirUuids = uuidsOf(theirs);
  const goesOn = own.some(({ parent, logicalParent }) => theirUuids.has(parent ?? logicalParent));
  if (!goesOn) return true;
  // What they left aside among themselves is none of this batch's doing.
  const lostBefore = new Set(branchesOf(theirs).map(({ last }) => last));
  return branchesOf([...theirs, ...own]).some(({ last }) => theirs.includes(last) && !lostBefore.has(last));
}

/** Whether something was said in these entries, by the user, the model or a tool. */
export function saysAnything(links: readonly Link[]): boolean {
  return links.some(({ said }) => said);
}

/** What links a batch's entries, before they have seqs. */
export function linksOf(entries: readonly EntryInput[]): Link[] {
  return entries.map(({ body }) => readLink(0, body));
}

const maxEntries = 10_000;

function without(links: readonly Link[], others: readonly Link[]): Link[] {
  const uuids = uuidsOf(others);
  return links.filter(({ uuid }) => !uuids.has(uuid));
}

function uuidsOf(links: readonly Link[]): Set<string | undefined> {
  return new Set(links.flatMap(({ uuid }) => uuid ?? []));
}
