import type { Layout } from "../checkpoint-store.ts";
import { idOfTreePath } from "../format/ids.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { Found } from "./found.ts";

/** Folders of a tree of many checkpoints that are none, so that nobody finds what is in them. */
export async function verifyTreeNames(
  { objects, refs }: Repository,
  { layout, ref }: { readonly layout: Layout; readonly ref: string },
  found: Found,
): Promise<void> {
  const tip = await refs.read(ref);
  const commit = tip === null ? null : await objects.commit(tip);
  const top = commit === null ? null : await objects.tree(commit.tree);
  if (tip !== null && top === null)
    found.add("ref_dangling", { layout, where: ref }, `It names ${tip}, of which there is no tree here.`);
  for (const { name: shard, id, mode } of top ?? []) {
    if (layout === "v2" && shard === "generation.json") continue;
    if (mode !== "40000" || shard.length !== 2) {
      found.add(
        "path_foreign",
        { layout, where: `${ref}:${shard}` },
        "The entry is no shard of checkpoints.",
      );
      continue;
    }
    await verifyShard({ objects, layout, ref, shard, id, found });
  }
}

async function verifyShard({
  objects,
  layout,
  ref,
  shard,
  id,
  found,
}: {
  objects: Repository["objects"];
  layout: Layout;
  ref: string;
  shard: string;
  id: ObjectId;
  found: Found;
}): Promise<void> {
  const entries = await objects.tree(id);
  const where = `${ref}:${shard}`;
  if (entries === null)
    found.add("object_missing", { layout, where }, `The tree ${id} is not in the repository.`);
  for (const { name, mode } of entries ?? []) {
    if (mode === "40000" && idOfTreePath({ shard, name }) !== undefined) continue;
    const at = { layout, where: `${where}/${name}` };
    found.add("shard_wrong", at, "The folder's name and its shard's together are no checkpoint's id.");
  }
}
