import { HoldfastError } from "../../core/errors.ts";
import type { ObjectReader } from "../plumbing/objects.ts";
import type { StoredChunk } from "./text-state.ts";

/** The stored lines of a session from number `from` on; whole chunks before it are not read. */
export type LinesFrom = (from: number) => AsyncGenerator<string>;

/** Reads a session's stored lines from any number on. Several look at one part: what was read last is remembered. */
export function storedLines(chunks: readonly StoredChunk[], objects: ObjectReader): LinesFrom {
  const known = new Map<StoredChunk, readonly string[]>();
  return async function* (from) {
    let first = 0;
    for (const chunk of chunks) {
      const end = first + chunk.lines;
      if (end > from) {
        const lines = known.get(chunk) ?? (await linesOf(chunk, objects));
        remember(known, chunk, lines);
        yield* first < from ? lines.slice(from - first) : lines;
      }
      first = end;
    }
  };
}

const rememberedBytes = 8 << 20;

function remember(
  known: Map<StoredChunk, readonly string[]>,
  chunk: StoredChunk,
  lines: readonly string[],
): void {
  if (chunk.bytes > rememberedBytes) return;
  known.delete(chunk);
  known.set(chunk, lines);
  let bytes = 0;
  for (const one of [...known.keys()].toReversed()) {
    bytes += one.bytes;
    if (bytes > rememberedBytes) known.delete(one);
  }
}

async function linesOf({ id, bytes }: StoredChunk, objects: ObjectReader): Promise<readonly string[]> {
  const content = await objects.blob(id, { maxBytes: bytes });
  if (content === null) throw missing(id);
  return content.toString("utf8").split("\n");
}

function missing(id: string): HoldfastError {
  return new HoldfastError({
    code: "git_content_invalid",
    message: `A part of the stored transcript is missing: blob ${id}.`,
    next: "Take the transcript again; it is stored anew where a part is missing.",
    data: { id },
  });
}
