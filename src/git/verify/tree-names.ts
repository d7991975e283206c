import type { Layout } from "../checkpoint-store.ts";
import { isDamage } from "../damage.ts";
import { findingOf } from "../format/findings.ts";
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

const nextFetchAll =
  "Run `holdfast git fetch --all`. Where no remote has it, delete the ref with `git update-ref -d`: what it held is lost.";
const nextReset =
  "Set it to the commit that a remote or its reflog has for it, or delete it with `git update-ref -d`.";

async function topOf(
  objects: ObjectReader,
  refs: Repository["refs"],
  { layout, ref, found }: { readonly layout: Layout; readonly ref: string; readonly found: Found },
): Promise<readonly TreeEntry[]> {
  try {
    const version = await refs.read(ref);
    if (version === null) return [];
    if ((await objects.header(version)) !== null) return await topOfRef(objects, { ref, version });
    const sentence = `It names ${version}, which is not in the repository.`;
    found.keep({ ...findingOf("object_missing", ref, sentence), layout, next: nextFetchAll });
  } catch (error) {
    if (!isDamage(error)) throw error;
    if (error.code === "git_ref_damaged") found.add("ref_damaged", { layout, where: ref }, error.message);
    else found.keep({ ...findingOf("ref_dangling", ref, error.message), layout, next: nextReset });
  }
  return [];
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
