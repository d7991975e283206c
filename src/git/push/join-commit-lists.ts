import { commitLists } from "../format/commit-lists.ts";
import { RawObject, type RawValue } from "../format/raw-json.ts";
import { valueText } from "../format/write-json.ts";
import type { Three } from "./join-entries.ts";

/**
 * The root's lists of commits, joined commit by commit: what one side added is there, and what one side took out, as
 * an amend does, stays out. Only lists that both sides have.
 */
export function joinCommitLists({
  base,
  ours,
  theirs,
}: Three<RawObject | null>): Readonly<Record<string, readonly RawValue[]>> {
  const joined: Record<string, readonly RawValue[]> = {};
  for (const [key, most] of Object.entries(commitLists)) {
    if (!Array.isArray(ours?.get(key)) || !Array.isArray(theirs?.get(key))) continue;
    const [before, mine, their] = [byCommit(base, key), byCommit(ours, key), byCommit(theirs, key)];
    const isKept = (sha: string): boolean => !before.has(sha) || (mine.has(sha) && their.has(sha));
    const all = new Map([...their, ...mine]);
    joined[key] = [...all].flatMap(([sha, entry]) => (isKept(sha) ? [entry] : [])).slice(-most);
  }
  return joined;
}

// An entry that names no commit stands for itself, so that nothing foreign is lost.
function byCommit(root: RawObject | null, key: string): ReadonlyMap<string, RawValue> {
  const shaOf = (entry: RawValue): string | undefined =>
    entry instanceof RawObject ? entry.text("sha") : undefined;
  return new Map((root?.list(key) ?? []).map((entry) => [shaOf(entry) ?? valueText(entry), entry]));
}
