import type { ClaudeEntry } from "./contract.ts";
import { isCloser, type Link, linkOf } from "./transcript-links.ts";

/**
 * A transcript as a resume is to be given it. Recovery closes a tool call whose result nobody has, and a rescue may bring
 * the real one later: of two results the SDK shows the model the first, and goes on as if it had seen the other.
 */
export function withoutOldClosers(entries: ClaudeEntry[]): ClaudeEntry[] {
  if (!entries.some(isCloser)) return entries;
  const links = entries.map((entry, index) => linkOf(index, entry));
  const old = oldClosers(links);
  return old.size === 0 ? entries : entries.filter((_, index) => !old.has(links[index]!));
}

/** The closers, in links in their reading order, in whose place others came, and from which nothing goes on. */
export function oldClosers(links: readonly Link[]): ReadonlySet<Link> {
  const old = new Set<Link>();
  const closers = links.filter(({ closer }) => closer);
  if (closers.length === 0) return old;
  const real = new Set(links.flatMap(({ closer, toolResults }) => (closer ? [] : toolResults)));
  const newest = links.findLast(({ said }) => said);
  const children = Map.groupBy(links, ({ parent }) => parent);
  // The last word hangs on a tool's result, so it goes first.
  for (const link of closers.toReversed()) {
    const isReplaced = link.toolResults.every((call) => real.has(call));
    const goesOn = children.get(link.uuid)?.some((child) => !old.has(child)) ?? false;
    if (isReplaced && !goesOn && link !== newest) old.add(link);
  }
  return old;
}
