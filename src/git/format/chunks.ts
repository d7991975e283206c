import { HoldfastError } from "../../core/errors.ts";

/** The largest file that is stored in one piece: 50 MiB (section 2). */
export const maxChunkBytes = 52_428_800;

/**
 * A text as the pieces that are stored: verbatim up to the limit, above it split at line ends, each piece without its
 * last `\n`. @throws checkpoint_invalid when one line is longer than a piece may be
 */
export function splitChunks(text: Uint8Array, maxBytes: number = maxChunkBytes): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let from = 0;
  while (text.length - from > maxBytes) {
    const end = text.lastIndexOf(newline, from + maxBytes - 1);
    if (end < from) throw tooLong(maxBytes);
    chunks.push(text.subarray(from, end));
    from = end + 1;
  }
  chunks.push(text.subarray(from));
  return chunks;
}

/** The text of its pieces, byte for byte. */
export function joinChunks(chunks: readonly Uint8Array[]): Buffer {
  return Buffer.concat(chunks.flatMap((chunk, at) => (at === 0 ? [chunk] : [lineEnd, chunk])));
}

/** The name of a piece: the file's own, then `.001`, `.002` and so on. */
export function chunkName(file: string, index: number): string {
  return index === 0 ? file : `${file}.${String(index).padStart(3, "0")}`;
}

/** Which piece of a file a name is; undefined where it is another file's. */
export function chunkIndex(file: string, name: string): number | undefined {
  if (name === file) return 0;
  if (!name.startsWith(`${file}.`)) return undefined;
  const suffix = name.slice(file.length + 1);
  if (!/^\d{3,7}$/.test(suffix)) return undefined;
  const index = Number(suffix);
  return index > 0 && chunkName(file, index) === name ? index : undefined;
}

/** The pieces of a file among what lies in a folder, in their order, and the numbers that are missing between them. */
export function chunksOf<Entry extends { readonly name: string }>(
  file: string,
  entries: readonly Entry[],
): { readonly chunks: readonly Entry[]; readonly missing: readonly number[] } {
  const found = entries
    .flatMap((entry) => {
      const index = chunkIndex(file, entry.name);
      return index === undefined ? [] : [{ index, entry }];
    })
    .toSorted((a, b) => a.index - b.index);
  return { chunks: found.map(({ entry }) => entry), missing: gapsIn(found.map(({ index }) => index)) };
}

const newline = 0x0a;
const lineEnd = Uint8Array.of(newline);
const maxGaps = 100;

function gapsIn(indexes: readonly number[]): number[] {
  const gaps: number[] = [];
  let expected = 0;
  for (const index of indexes) {
    for (; expected < index && gaps.length < maxGaps; expected += 1) gaps.push(expected);
    expected = index + 1;
  }
  return gaps;
}

function tooLong(maxBytes: number): HoldfastError {
  return new HoldfastError({
    code: "checkpoint_invalid",
    message: `A line of the transcript is longer than a file of a checkpoint may be: ${maxBytes} bytes.`,
    next: "Shorten the line, or leave the transcript out of the checkpoint.",
    data: { maxBytes },
  });
}
