/** A list for a checkpoint's metadata: each value once, and no more than a reader can use. */
export interface CappedList {
  readonly values: readonly string[];
  /** How many different values there were. */
  readonly count: number;
}

/** How many files a checkpoint names; real ones named 1,292,257 and 67,340 of them were different (section 17). */
export const maxFilesTouched = 1000;

/** Drops repeated values, keeps the first ones up to the limit, and counts all of them. */
export function cappedList(
  values: Iterable<string>,
  { max = maxFilesTouched }: { readonly max?: number } = {},
): CappedList {
  const unique = new Set<string>();
  for (const value of values) if (value !== "" && value.length <= maxLength) unique.add(value);
  return { values: [...unique].slice(0, max), count: unique.size };
}

/** `files_touched` of a session or a root, and in a key of ours how many there were when not all are named. */
export function filesTouched(
  paths: Iterable<string>,
  { max = maxFilesTouched }: { readonly max?: number } = {},
): Readonly<Record<string, unknown>> {
  const { values, count } = cappedList([...paths].toSorted(), { max });
  return { files_touched: values, ...(count > values.length ? { files_touched_count: count } : {}) };
}

// The longest path that a system takes.
const maxLength = 4096;
