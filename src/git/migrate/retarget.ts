import { isHoldfastError } from "../../core/errors.ts";
import { RawObject, type RawValue } from "../format/raw-json.ts";
import { metadataLimits, parseObject } from "../format/parse-json.ts";
import { objectText } from "../format/write-json.ts";
import { treePathOf } from "../format/ids.ts";
import type { ObjectBatch, ObjectId, ObjectReader } from "../plumbing/objects.ts";

/** What the root's paths begin with: nothing under git-refs, the shard and the rest of the id in a tree of many. */
export type PathForm = "bare" | "sharded";

/**
 * A checkpoint's folder for the other of the two layouts that share its form: byte for byte but for the paths in the
 * root's `sessions` (specification, section 8). Undefined where the folder is not in the repository.
 */
export async function retargeted(params: {
  readonly objects: ObjectReader;
  readonly batch: ObjectBatch;
  readonly id: string;
  readonly tree: ObjectId;
  readonly to: PathForm;
}): Promise<ObjectId | undefined> {
  const { objects, batch, id, tree, to } = params;
  const entries = await objects.tree(tree);
  if (entries === null) return undefined;
  const file = entries.find(({ name, mode }) => name === "metadata.json" && mode === "100644");
  const root = file === undefined ? undefined : await rootIn(objects, file.id);
  if (file === undefined || root === undefined) return tree;
  const changed = withPaths(root, id, to);
  if (changed === root) return tree;
  const blob = batch.blob(Buffer.from(objectText(changed)));
  return batch.tree(entries.map((entry) => (entry === file ? { ...entry, id: blob } : entry)));
}

// What is no JSON object is carried over as it is, and told by `verify`.
async function rootIn(objects: ObjectReader, id: ObjectId): Promise<RawObject | undefined> {
  try {
    const bytes = await objects.blob(id, metadataLimits);
    return bytes === null ? undefined : parseObject(bytes);
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    return undefined;
  }
}

function withPaths(root: RawObject, id: string, to: PathForm): RawObject {
  const { shard, name } = treePathOf(id);
  const prefix = `/${shard}/${name}`;
  const path = (text: string): string => {
    const bare = text.startsWith(`${prefix}/`) ? text.slice(prefix.length) : text;
    return to === "sharded" && /^\/\d+\//.test(bare) ? prefix + bare : to === "sharded" ? text : bare;
  };
  const sessions = root.list("sessions").map((entry) => mapped(entry, path));
  const isSame = sessions.every((entry, index) => entry === root.list("sessions")[index]);
  const kept = to === "bare" && root.get("checkpoint_version") !== undefined;
  const rest = kept ? root.without(["checkpoint_version"]) : root;
  return isSame ? rest : rest.with("sessions", sessions);
}

function mapped(entry: RawValue, path: (text: string) => string): RawValue {
  if (!(entry instanceof RawObject)) return entry;
  const entries = entry.entries.map(
    ([key, value]) => [key, typeof value === "string" ? path(value) : value] as const,
  );
  return entries.every(([, value], index) => value === entry.entries[index]![1])
    ? entry
    : new RawObject(entries);
}
