import type { StoredCheckpoint, StoredSession } from "../checkpoint-store.ts";
import { redactor } from "../content/redactor.ts";
import { findingOf } from "../format/findings.ts";
import { ContentHasher, contentHashOf, isContentHash } from "../format/hash.ts";
import type { ObjectId, ObjectReader } from "../plumbing/objects.ts";
import { verifyAssets, verifyPictures } from "./assets.ts";
import { type At, chunkOf, chunkOrTold } from "./chunk-of.ts";
import type { Found, FoundAt } from "./found.ts";

/** Whether the transcripts and pictures of a checkpoint are here, are what their hashes say, and are redacted alike. */
export async function verifyTranscripts(
  objects: ObjectReader,
  stored: StoredCheckpoint,
  { found, at }: { readonly found: Found; readonly at: Omit<FoundAt, "where"> },
): Promise<void> {
  const assets = new Set(stored.sessions.flatMap(({ assets }) => assets.map(({ name }) => name)));
  for (const session of stored.sessions) {
    const where = (name: string): FoundAt => ({ ...at, where: `${session.slot}/${name}` });
    const isWhole = await verifyHash(objects, session, { found, where });
    if (session.prompt !== undefined)
      await chunkOrTold(objects, { id: session.prompt, found, at: where("prompt.txt") });
    // What of it cannot be read was told with its hash.
    const readPiece = async (id: ObjectId): Promise<Buffer | undefined> => {
      const chunk = await chunkOf(objects, id);
      return Buffer.isBuffer(chunk) ? chunk : undefined;
    };
    const pieces = { ids: session.transcript, read: readPiece };
    await verifyPictures({ ...pieces, assets, found, at: where("full.jsonl") });
    if (session.compact !== undefined) await verifyCompact(objects, session, { found, where, isWhole });
    await verifyAssets(objects, session, { found, where });
  }
  for (const { toolUseId, transcripts } of stored.tasks)
    for (const { name, id } of transcripts) {
      const where = { ...at, where: `tasks/${toolUseId}/${name}` };
      const read = () => chunkOrTold(objects, { id, found, at: where });
      await verifyPictures({ ids: [id], read, assets, found, at: where });
    }
}

/** Hashes up to then were mostly of what was not redacted yet (section 2). */
const soundFromMs = Date.parse("2026-02-08T00:00:00Z");

async function verifyHash(
  objects: ObjectReader,
  session: StoredSession,
  { found, where }: At,
): Promise<boolean> {
  const hasher = new ContentHasher();
  let bytes = 0;
  for (const id of session.transcript) {
    const chunk = await chunkOf(objects, id, bytes);
    if (!Buffer.isBuffer(chunk)) {
      found.add(chunk.code, where("full.jsonl"), `The transcript is not checked: ${chunk.sentence}`);
      return false;
    }
    bytes += chunk.length;
    hasher.chunk(chunk);
  }
  const { hash, metadata } = session;
  if (session.transcript.length === 0 || hash === undefined || !isContentHash(hash)) return true;
  if (hasher.hash() === hash) return true;
  const finding = findingOf(
    "hash_mismatch",
    where("content_hash.txt").where,
    `The transcript has the hash ${hasher.hash()}, not ${hash}.`,
  );
  const isOld = Date.parse(metadata.text("created_at") ?? "") < soundFromMs;
  const { where: _, ...at } = where("");
  found.keep({ ...finding, ...at, ...(isOld ? { severity: "note" as const } : {}) });
  return true;
}

/** Whether a compact transcript is what its hash says, and shows no secret that the whole one does not (section 9). */
async function verifyCompact(
  objects: ObjectReader,
  session: StoredSession,
  { found, where, isWhole }: At & { readonly isWhole: boolean },
): Promise<void> {
  const at = where("transcript.jsonl");
  const compact = await chunkOrTold(objects, { id: session.compact!, found, at });
  if (compact === undefined) return;
  const { compactHash } = session;
  const hash = contentHashOf([compact]);
  if (compactHash !== undefined && compactHash !== hash)
    found.add(
      isContentHash(compactHash) ? "hash_mismatch" : "hash_invalid",
      where("transcript_hash.txt"),
      `The compact transcript has the hash ${hash}, which is not what the file says.`,
    );
  const shown = isWhole ? secretLines(compact) : 0;
  if (shown === 0) return;
  for (const id of session.transcript) {
    const chunk = await chunkOf(objects, id);
    // Where the whole one is no better, it was redacted by other rules.
    if (!Buffer.isBuffer(chunk) || secretLines(chunk) > 0) return;
  }
  const sentence = `Of its lines ${shown} show what looks like a secret, and the whole transcript shows none.`;
  found.add("compact_less_redacted", at, sentence);
}

// Known forms alone: an id that is random by chance is no reason to raise an alarm.
const known = redactor({ entropy: false });

function secretLines(text: Buffer): number {
  return text
    .toString()
    .split("\n")
    .filter((line) => line !== "" && known.json(line) !== line).length;
}
