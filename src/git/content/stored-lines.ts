import { HoldfastError } from "../../core/errors.ts";
import type { ObjectReader } from "../plumbing/objects.ts";
import type { StoredChunk } from "./text-state.ts";

/** The stored lines of a session from number `from` on; whole chunks before it are not read. */
export async function* storedLines(
  chunks: readonly StoredChunk[],
  { from = 0, objects }: { readonly from?: number; readonly objects: ObjectReader },
): AsyncGenerator<string> {
  let first = 0;
  for (const { id, bytes, lines } of chunks) {
    const end = first + lines;
    if (end > from) {
      const content = await objects.blob(id, { maxBytes: bytes });
      if (content === null) throw missing(id);
      yield* content
        .toString("utf8")
        .split("\n")
        .slice(Math.max(0, from - first));
    }
    first = end;
  }
}

function missing(id: string): HoldfastError {
  return new HoldfastError({
    code: "git_content_invalid",
    message: `A part of the stored transcript is missing: blob ${id}.`,
    next: "Take the transcript again; it is stored anew where a part is missing.",
    data: { id },
  });
}
