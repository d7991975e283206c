import { chunkIndex, chunkName } from "../../format/chunks.ts";
import type { TreeEntry } from "../../plumbing/objects.ts";

/** The names that a raw transcript and its hash have had in this layout (specification, section 6.1). */
export const finalNames = { text: "raw_transcript", hash: "raw_transcript_hash.txt" } as const;
export const earlierNames = { text: "full.jsonl", hash: "content_hash.txt" } as const;

/** Whether a file belongs to the raw transcript, under either pair of names. */
export function isRaw(name: string): boolean {
  return [finalNames, earlierNames].some(
    ({ text, hash }) => name === hash || chunkIndex(text, name) !== undefined,
  );
}

/** The files of a raw transcript under the names of the other layouts; the final form where both are there. */
export function rawFilesOf(entries: readonly TreeEntry[]): readonly TreeEntry[] {
  const names = isFinal(entries) ? finalNames : earlierNames;
  return entries.flatMap((entry) => {
    if (entry.name === names.hash) return [{ ...entry, name: earlierNames.hash }];
    const index = chunkIndex(names.text, entry.name);
    return index === undefined ? [] : [{ ...entry, name: chunkName(earlierNames.text, index) }];
  });
}

export function isFinal(entries: readonly TreeEntry[]): boolean {
  return entries.some(({ name }) => chunkIndex(finalNames.text, name) !== undefined);
}
