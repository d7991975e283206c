import { isHoldfastError } from "../../core/errors.ts";
import type { StoredCheckpoint, StoredSession } from "../checkpoint-store.ts";
import { assetNamesIn, assetPlaceholder } from "../content/assets.ts";
import { redactor } from "../content/redactor.ts";
import { findingOf } from "../format/findings.ts";
import { ContentHasher, isContentHash } from "../format/hash.ts";
import type { ObjectId, ObjectReader } from "../plumbing/objects.ts";
import type { Found, FoundAt } from "./found.ts";

/** Whether the transcripts of a checkpoint are here, are what their hashes say, and are redacted alike. */
export async function verifyTranscripts(
  objects: ObjectReader,
  stored: StoredCheckpoint,
  { found, at }: { readonly found: Found; readonly at: Omit<FoundAt, "where"> },
): Promise<void> {
  const assets = new Set(stored.sessions.flatMap(({ assets }) => assets.map(({ name }) => name)));
  for (const session of stored.sessions) {
    const where = (name: string): FoundAt => ({ ...at, where: `${session.slot}/${name}` });
    const isWhole = await verifyHash(objects, session, { found, where });
    const files = [session.prompt, session.compact, ...session.assets.map(({ id }) => id)];
    for (const id of files) {
      if (id === undefined || (await objects.header(id)) !== null) continue;
      found.add("object_missing", where(""), `The object ${id} is not in the repository.`);
    }
    await verifyAssets(objects, { ids: session.transcript, assets, found, at: where("full.jsonl") });
    if (isWhole && session.compact !== undefined) await verifyCompact(objects, session, { found, where });
  }
  for (const { toolUseId, transcripts } of stored.tasks)
    for (const { name, id } of transcripts) {
      const where = { ...at, where: `tasks/${toolUseId}/${name}` };
      if ((await objects.header(id)) === null)
        found.add("object_missing", where, `The object ${id} is not in the repository.`);
      else await verifyAssets(objects, { ids: [id], assets, found, at: where });
    }
}

/** Pictures that a transcript refers to and that nobody can see any more. */
async function verifyAssets(
  objects: ObjectReader,
  {
    ids,
    assets,
    found,
    at,
  }: {
    readonly ids: readonly ObjectId[];
    readonly assets: ReadonlySet<string>;
    readonly found: Found;
    readonly at: FoundAt;
  },
): Promise<void> {
  const missing = new Set<string>();
  for (const id of ids) {
    const chunk = await chunkOf(objects, id, 0);
    if (typeof chunk === "string" || !chunk.includes(assetPlaceholder)) continue;
    for (const name of assetNamesIn(chunk.toString())) if (!assets.has(name)) missing.add(name);
  }
  const [first] = missing;
  if (first === undefined) return;
  const sentence = `It refers to ${missing.size} pictures that the checkpoint does not hold, such as ${first}.`;
  found.add("asset_missing", at, sentence);
}

interface At {
  readonly found: Found;
  readonly where: (name: string) => FoundAt;
}

// More than any chunk that is written, and so much that memory holds; of a session, as much as is worth the time.
const maxChunkBytes = 128 * 1024 * 1024;
const maxSessionBytes = 4 * 1024 * 1024 * 1024;
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
    if (typeof chunk === "string") {
      const code = chunk === "missing" ? "object_missing" : "entry_too_large";
      found.add(
        code,
        where("full.jsonl"),
        `The object ${id} is ${chunk}, and the transcript is not checked.`,
      );
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

async function chunkOf(
  objects: ObjectReader,
  id: ObjectId,
  before: number,
): Promise<Buffer | "missing" | "too large" | "damaged"> {
  try {
    const maxBytes = Math.min(maxChunkBytes, maxSessionBytes - before);
    return (await objects.blob(id, { maxBytes })) ?? "missing";
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    if (error.code === "git_object_too_large") return "too large";
    if (error.code === "git_object_invalid") return "damaged";
    throw error;
  }
}

/** A compact transcript in which secrets stand that the whole one does not show (section 9). */
async function verifyCompact(
  objects: ObjectReader,
  session: StoredSession,
  { found, where }: At,
): Promise<void> {
  const compact = await chunkOf(objects, session.compact!, 0);
  if (typeof compact === "string") return;
  const shown = secretLines(compact);
  if (shown === 0) return;
  for (const id of session.transcript) {
    const chunk = await chunkOf(objects, id, 0);
    // Where the whole one is no better, it was redacted by other rules.
    if (typeof chunk === "string" || secretLines(chunk) > 0) return;
  }
  const sentence = `Of its lines ${shown} show what looks like a secret, and the whole transcript shows none.`;
  found.add("compact_less_redacted", where("transcript.jsonl"), sentence);
}

// Known forms alone: an id that is random by chance is no reason to raise an alarm.
const known = redactor({ entropy: false });

function secretLines(text: Buffer): number {
  return text
    .toString()
    .split("\n")
    .filter((line) => line !== "" && known.json(line) !== line).length;
}
