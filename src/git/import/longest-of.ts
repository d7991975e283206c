import { createHash } from "node:crypto";
import type { HoldfastError } from "../../core/errors.ts";
import { isDamage } from "../damage.ts";
import type { ObjectReader } from "../plumbing/objects.ts";
import type { SessionTranscript } from "./session-transcripts.ts";
import { piecesOf } from "./transcript-text.ts";

/**
 * The transcripts that no other one begins with. Each is read once at most, and none where their chunks tell; one that
 * cannot be read is told and left out.
 */
export async function longestOf(
  objects: ObjectReader,
  transcripts: readonly SessionTranscript[],
  onDamage: (transcript: SessionTranscript, error: HoldfastError) => void,
): Promise<readonly SessionTranscript[]> {
  const byLength = transcripts.toSorted((a, b) => b.bytes - a.bytes);
  const rest = byLength.filter((one, at) => !byLength.slice(0, at).some((other) => beginsWith(other, one)));
  if (rest.length < 2) return rest;
  const lengths = [...new Set(rest.map(({ bytes }) => bytes))].toSorted((a, b) => a - b);
  const beginnings = new Set<string>();
  const longest: SessionTranscript[] = [];
  for (const transcript of rest) {
    try {
      const own = await beginningsOf(objects, transcript, lengths);
      if (!beginnings.has(own.at(-1)!)) longest.push(transcript);
      for (const beginning of own) beginnings.add(beginning);
    } catch (error) {
      if (!isDamage(error)) throw error;
      onDamage(transcript, error);
    }
  }
  return longest;
}

function beginsWith(one: SessionTranscript, other: SessionTranscript): boolean {
  return other.chunks.every((id, index) => one.chunks[index] === id);
}

/** The lengths up to a transcript's own, each with the digest of as much of it. */
async function beginningsOf(
  objects: ObjectReader,
  { chunks, bytes }: SessionTranscript,
  lengths: readonly number[],
): Promise<readonly string[]> {
  const waiting = lengths.filter((length) => length <= bytes);
  const beginnings: string[] = [];
  const hash = createHash("sha256");
  let read = 0;
  for await (const piece of piecesOf(objects, chunks)) {
    let from = 0;
    for (; waiting[0] !== undefined && waiting[0] <= read + piece.length; waiting.shift()) {
      const to = waiting[0] - read;
      hash.update(piece.subarray(from, to));
      beginnings.push(`${waiting[0]} ${hash.copy().digest("base64")}`);
      from = to;
    }
    hash.update(piece.subarray(from));
    read += piece.length;
  }
  return beginnings;
}
