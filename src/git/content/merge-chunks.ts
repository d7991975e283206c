import type { ObjectBatch, ObjectReader } from "../plumbing/objects.ts";
import type { StoredChunk } from "./text-state.ts";

/** So many chunks a transcript may have; then small neighbours become one. */
const maxChunks = 200;

/** Merges neighbours when there are too many: each byte is written once more, after hundreds of checkpoints. */
export async function mergeSmallChunks(
  chunks: readonly StoredChunk[],
  { objects, batch, max = maxChunks }: MergeParams,
): Promise<readonly StoredChunk[]> {
  if (chunks.length <= max) return chunks;
  const merged: StoredChunk[] = [];
  for (const group of groupsOf(chunks)) {
    const whole = await mergedChunk(group, { objects, batch });
    // One that cannot be read is found when the transcript is taken next.
    if (whole === undefined) merged.push(...group);
    else merged.push(whole);
    await batch.flush();
  }
  return merged;
}

export interface MergeParams {
  readonly objects: ObjectReader;
  readonly batch: ObjectBatch;
  readonly max?: number | undefined;
}

const maxMergedBytes = 8 << 20;
const maxGroup = 50;

function groupsOf(chunks: readonly StoredChunk[]): StoredChunk[][] {
  const groups: StoredChunk[][] = [];
  let bytes = Infinity;
  for (const chunk of chunks) {
    const last = groups.at(-1);
    bytes += chunk.bytes + 1;
    if (last !== undefined && bytes <= maxMergedBytes && last.length < maxGroup) last.push(chunk);
    else {
      groups.push([chunk]);
      bytes = chunk.bytes;
    }
  }
  return groups;
}

async function mergedChunk(
  group: readonly StoredChunk[],
  { objects, batch }: MergeParams,
): Promise<StoredChunk | undefined> {
  if (group.length === 1) return group[0];
  const parts: Buffer[] = [];
  for (const { id, bytes } of group) {
    const part = await objects.blob(id, { maxBytes: bytes });
    if (part?.length !== bytes) return undefined;
    if (parts.length > 0) parts.push(Buffer.from("\n"));
    parts.push(part);
  }
  const whole = Buffer.concat(parts);
  const lines = group.reduce((sum, chunk) => sum + chunk.lines, 0);
  return { id: batch.blob(whole), bytes: whole.length, lines };
}
