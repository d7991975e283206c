import { isSameValue, type RawObject, type RawValue } from "../format/raw-json.ts";
import type { Three } from "./join-entries.ts";

/** Joins JSON objects key by key: what one side changed is taken from it, and of what both changed the winner's. */
export function joinObjects(
  { base, ours, theirs }: Three<RawObject | null>,
  winner: "ours" | "theirs",
): RawObject | null {
  if (ours === null || theirs === null) return ours ?? theirs;
  const [first, second] = winner === "ours" ? [ours, theirs] : [theirs, ours];
  const changes = new Map<string, RawValue | undefined>();
  for (const key of new Set([...first.keys, ...second.keys])) {
    const [before, mine, other] = [base?.get(key), first.get(key), second.get(key)];
    // Mine is as it was: then the other side's change counts, also that the key is gone.
    const isTaken = base === null ? mine === undefined : isSame(mine, before) && !isSame(other, before);
    if (!isTaken) continue;
    changes.set(key, other);
  }
  return first.withAll(changes, second.keys);
}

function isSame(a: RawValue | undefined, b: RawValue | undefined): boolean {
  return a === undefined || b === undefined ? a === b : isSameValue(a, b);
}
