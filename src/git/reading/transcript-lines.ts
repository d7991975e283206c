import type { ObjectId, ObjectReader } from "../plumbing/objects.ts";
import { readOrNull } from "./checkpoint-facts.ts";

/** What was read of a transcript, and what could not be. */
export interface ReadState {
  /** Pieces that are missing or too large. */
  missing: number;
  /** True: it has more than is read at all, and the rest was left. */
  isCut: boolean;
}

/** The lines of a transcript, piece by piece; of a hostile one no more than a bound is read. */
export async function* transcriptLines(
  objects: ObjectReader,
  chunks: readonly ObjectId[],
  state: ReadState = { missing: 0, isCut: false },
): AsyncGenerator<Iterable<string>> {
  let left = maxTranscriptBytes;
  for (const id of chunks) {
    const bytes = await readOrNull(objects, id, Math.min(left, maxChunkBytes));
    if (bytes === null) {
      state.missing += 1;
      // So that a thousand names of what is not here end soon as well.
      if (state.missing >= maxMissing) state.isCut = true;
    } else {
      left -= bytes.length;
      yield linesIn(bytes);
    }
    if (left <= 0) state.isCut = true;
    if (state.isCut) return;
  }
}

// GitHub takes no blob above 100 MB (section 2).
const maxChunkBytes = 100 * 1024 * 1024;
// Its lines have to fit into one text when a session is put back.
const maxTranscriptBytes = 256 * 1024 * 1024;
const maxMissing = 100;

function* linesIn(bytes: Buffer): Generator<string> {
  for (let from = 0; from < bytes.length;) {
    const found = bytes.indexOf(0x0a, from);
    const end = found < 0 ? bytes.length : found;
    if (end > from) yield bytes.toString("utf8", from, end);
    from = end + 1;
  }
}
