import { objectIn, textOf } from "../../core/json.ts";
import { isDamage } from "../damage.ts";
import { v2CurrentRef, v2MainRef } from "../format/checkpoint-refs.ts";
import { archivesOf } from "../layouts/v2/full-refs.ts";
import { ShardedTree } from "../layouts/v2/sharded-tree.ts";
import type { ObjectId, ObjectReader } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { Found } from "./found.ts";
import { verifyTreeNames } from "./tree-names.ts";

/** The raw refs of v2: each checkpoint in one generation and on main, each archive with its dates (section 6.3). */
export async function verifyGenerations(repository: Repository, found: Found): Promise<void> {
  const known = await idsIn(repository, v2MainRef);
  const archives = await archivesOf(repository);
  const full = [...archives.map(({ name }) => name), v2CurrentRef];
  const seen = new Map<string, string>();
  for (const name of full) {
    await verifyTreeNames(repository, { layout: "v2", ref: name }, found);
    const ids = await idsIn(repository, name);
    for (const id of ids ?? []) {
      const at = { layout: "v2", id, where: name } as const;
      const other = seen.get(id);
      if (other !== undefined) found.add("generation_repeated", at, `It is in ${other} too.`);
      if (known?.has(id) === false)
        found.add("main_missing", at, "Its transcript is here, and main does not have it.");
      seen.set(id, name);
    }
    if (name !== v2CurrentRef && ids !== null) await verifyDates({ repository, name, found });
  }
}

/** null: the ref cannot be read, as is told where its tree is looked at. */
async function idsIn({ objects, refs }: Repository, ref: string): Promise<ReadonlySet<string> | null> {
  try {
    const tree = await ShardedTree.of(objects, { name: ref, id: await refs.read(ref) });
    // A shard that cannot be read is told there too.
    const all = await tree.all({ onDamaged: () => undefined });
    return new Set(all.map(({ id }) => id));
  } catch (error) {
    if (!isDamage(error)) throw error;
    return null;
  }
}

async function verifyDates({
  repository: { objects, refs },
  name,
  found,
}: {
  repository: Repository;
  name: string;
  found: Found;
}): Promise<void> {
  const { top } = await ShardedTree.of(objects, { name, id: await refs.read(name) });
  const file = top.entries.find((entry) => entry.name === "generation.json" && entry.mode === "100644");
  const bytes = file === undefined ? null : await bytesOf(objects, file.id);
  const dates = objectIn(bytes?.toString() ?? "");
  const times = ["oldest_checkpoint_at", "newest_checkpoint_at"].map((key) =>
    Date.parse(textOf(dates?.[key]) ?? ""),
  );
  if (times.some(Number.isNaN) || times[0]! > times[1]!)
    found.add(
      "generation_invalid",
      { layout: "v2", where: `${name}:generation.json` },
      "It does not say from when to when its checkpoints are.",
    );
}

async function bytesOf(objects: ObjectReader, id: ObjectId): Promise<Buffer | null> {
  try {
    return await objects.blob(id, { maxBytes: 16 * 1024 * 1024 });
  } catch (error) {
    if (!isDamage(error)) throw error;
    return null;
  }
}
