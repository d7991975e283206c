import type { Layout } from "../checkpoint-store.ts";
import { isDamage } from "../damage.ts";
import { idOfTreePath } from "../format/ids.ts";
import { topOfRef } from "../layouts/layout-commit.ts";
import type { ObjectId, ObjectReader, TreeEntry } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { Found } from "./found.ts";

/** Folders of a tree of many checkpoints that are none, so that nobody finds what is in them. */
export async function verifyTreeNames(
  { objects, refs }: Repository,
  { layout, ref }: { readonly layout: Layout; readonly ref: string },
  found: Found,
): Promise<void> {
  for (const { name: shard, id, mode } of await topOf(objects, refs, { layout, ref, found })) {
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

async function topOf(
  objects: ObjectReader,
  refs: Repository["refs"],
  { layout, ref, found }: { readonly layout: Layout; readonly ref: string; readonly found: Found },
): Promise<readonly TreeEntry[]> {
  try {
    const version = await refs.read(ref);
    return version === null ? [] : await topOfRef(objects, { ref, version });
  } catch (error) {
    if (!isDamage(error)) throw error;
    const code = error.code === "git_ref_damaged" ? "ref_damaged" : "ref_dangling";
    found.add(code, { layout, where: ref }, error.message);
    return [];
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
  objects: ObjectReader;
  layout: Layout;
  ref: string;
  shard: string;
  id: ObjectId;
  found: Found;
}): Promise<void> {
  const entries = await objects.tree(id).catch((error: unknown) => {
    if (!isDamage(error)) throw error;
    return null;
  });
  const where = `${ref}:${shard}`;
  if (entries === null)
    found.add("object_missing", { layout, where }, `The tree ${id} is not in the repository, or is none.`);
  for (const { name, mode } of entries ?? []) {
    if (mode === "40000" && idOfTreePath({ shard, name }) !== undefined) continue;
    const at = { layout, where: `${where}/${name}` };
    found.add("shard_wrong", at, "The folder's name and its shard's together are no checkpoint's id.");
  }
}
