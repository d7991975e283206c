import { RawObject, type RawValue } from "../format/raw-json.ts";
import { objectText } from "../format/write-json.ts";
import type { Three } from "./join-entries.ts";

/** Joins JSON objects key by key: what one side changed is taken from it, and of what both changed the winner's. */
export function joinObjects(
  { base, ours, theirs }: Three<RawObject | null>,
  winner: "ours" | "theirs",
): RawObject | null {
  if (ours === null || theirs === null) return ours ?? theirs;
  const [first, second] = winner === "ours" ? [ours, theirs] : [theirs, ours];
  let joined = first;
  for (const key of new Set([...first.keys, ...second.keys])) {
    const [before, mine, other] = [base?.get(key), first.get(key), second.get(key)];
    // Mine is as it was: then the other side's change counts, also that the key is gone.
    const isTaken = base === null ? mine === undefined : isSame(mine, before) && !isSame(other, before);
    if (!isTaken) continue;
    joined = other === undefined ? joined.without([key]) : joined.with(key, other, second.keys);
  }
  return joined;
}

function isSame(a: RawValue | undefined, b: RawValue | undefined): boolean {
  return a === undefined || b === undefined ? a === b : textOf(a) === textOf(b);
}

function textOf(value: RawValue): string {
  return objectText(new RawObject([["", value]]));
}
