import { createHash } from "node:crypto";
import { fieldsOf, objectIn, textOf } from "../../core/json.ts";
import type { StoredSession } from "../checkpoint-store.ts";
import { assetNamesIn, assetPlaceholder } from "../content/assets.ts";
import type { ObjectId, ObjectReader } from "../plumbing/objects.ts";
import { type At, chunkOrTold } from "./chunk-of.ts";
import type { Found, FoundAt } from "./found.ts";

/** Whether the pictures of a session can be read, and are what their manifest says (section 2). */
export async function verifyAssets(
  objects: ObjectReader,
  { assets }: StoredSession,
  { found, where }: At,
): Promise<void> {
  let hashes = new Map<string, string>();
  for (const { name, id } of inOrder(assets)) {
    const content = await chunkOrTold(objects, { id, found, at: where(`assets/${name}`) });
    if (name === manifestName && content !== undefined) hashes = hashesIn(content, { found, where });
    const expected = hashes.get(name);
    hashes.delete(name);
    if (expected === undefined || content === undefined) continue;
    const hash = createHash("sha256").update(content).digest("hex");
    if (hash === expected) continue;
    const sentence = `The file has the hash ${hash}, and its manifest says ${JSON.stringify(expected)}.`;
    found.add("hash_mismatch", where(`assets/${name}`), sentence);
  }
  for (const name of hashes.keys())
    found.add("path_missing", where(`assets/${name}`), "The manifest lists a file that is not there.");
}

/** Pictures that a transcript refers to and that nobody can see any more. */
export async function verifyPictures({ ids, read, assets, found, at }: TranscriptPictures): Promise<void> {
  const missing = new Set<string>();
  for (const id of ids) {
    const chunk = await read(id);
    if (chunk?.includes(assetPlaceholder) !== true) continue;
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
  /** undefined: it cannot be read, as is told elsewhere. */
  readonly read: (id: ObjectId) => Promise<Buffer | undefined>;
  /** Names of the files that the checkpoint holds. */
  readonly assets: ReadonlySet<string>;
  readonly found: Found;
  readonly at: FoundAt;
}

const manifestName = "manifest.json";

/** The manifest first. */
function inOrder(assets: StoredSession["assets"]): StoredSession["assets"] {
  const isManifest = ({ name }: { readonly name: string }): boolean => name === manifestName;
  return [...assets.filter(isManifest), ...assets.filter((one) => !isManifest(one))];
}

/** By name; those without a hash have nothing to be compared with. */
function hashesIn(manifest: Buffer, { found, where }: At): Map<string, string> {
  const listed = objectIn(manifest.toString())?.["assets"];
  if (!Array.isArray(listed)) {
    found.add("json_invalid", where(`assets/${manifestName}`), "It lists no pictures.");
    return new Map();
  }
  return new Map(
    listed.flatMap((asset) => {
      const fields = fieldsOf(asset);
      const [name, hash] = [textOf(fields?.["name"]), textOf(fields?.["sha256"])];
      return name === undefined || hash === undefined ? [] : [[name, hash.replace(/^sha256:/, "")]];
    }),
  );
}
