import { createHash } from "node:crypto";
import { fieldsOf, objectIn, textOf } from "../../core/json.ts";
import type { StoredSession } from "../checkpoint-store.ts";
import { assetNamesIn, assetPlaceholder } from "../content/assets.ts";
import type { ObjectId, ObjectReader } from "../plumbing/objects.ts";
import { type At, chunkOf } from "./chunk-of.ts";
import type { Found, FoundAt } from "./found.ts";

/** Whether the pictures of a session are what their manifest says (section 2); those that are not here were told before. */
export async function verifyAssets(
  objects: ObjectReader,
  { assets }: StoredSession,
  { found, where }: At,
): Promise<void> {
  const manifest = assets.find(({ name }) => name === "manifest.json");
  const text = manifest === undefined ? undefined : await chunkOf(objects, manifest.id);
  if (!Buffer.isBuffer(text)) return;
  const listed = objectIn(text.toString())?.["assets"];
  if (!Array.isArray(listed))
    return found.add("json_invalid", where("assets/manifest.json"), "It lists no pictures.");
  const hashes = hashesIn(listed);
  for (const { name, id } of assets) {
    const expected = hashes.get(name);
    hashes.delete(name);
    const content = expected === undefined ? undefined : await chunkOf(objects, id);
    if (!Buffer.isBuffer(content)) continue;
    const hash = createHash("sha256").update(content).digest("hex");
    if (hash === expected) continue;
    const sentence = `The file has the hash ${hash}, and its manifest says ${JSON.stringify(expected)}.`;
    found.add("hash_mismatch", where(`assets/${name}`), sentence);
  }
  for (const name of hashes.keys())
    found.add("path_missing", where(`assets/${name}`), "The manifest lists a file that is not there.");
}

/** Pictures that a transcript refers to and that nobody can see any more. */
export async function verifyPictures(
  objects: ObjectReader,
  { ids, assets, found, at }: TranscriptPictures,
): Promise<void> {
  const missing = new Set<string>();
  for (const id of ids) {
    const chunk = await chunkOf(objects, id);
    if (!Buffer.isBuffer(chunk) || !chunk.includes(assetPlaceholder)) continue;
    for (const name of assetNamesIn(chunk.toString())) if (!assets.has(name)) missing.add(name);
  }
  const [first] = missing;
  if (first === undefined) return;
  const sentence = `It refers to ${missing.size} pictures that the checkpoint does not hold, such as ${first}.`;
  found.add("asset_missing", at, sentence);
}

interface TranscriptPictures {
  /** The pieces of the transcript. */
  readonly ids: readonly ObjectId[];
  /** Names of the files that the checkpoint holds. */
  readonly assets: ReadonlySet<string>;
  readonly found: Found;
  readonly at: FoundAt;
}

/** By name; those without a hash have nothing to be compared with. */
function hashesIn(listed: readonly unknown[]): Map<string, string> {
  return new Map(
    listed.flatMap((asset) => {
      const fields = fieldsOf(asset);
      const [name, hash] = [textOf(fields?.["name"]), textOf(fields?.["sha256"])];
      return name === undefined || hash === undefined ? [] : [[name, hash.replace(/^sha256:/, "")]];
    }),
  );
}
