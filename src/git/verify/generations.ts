import { objectIn, textOf } from "../../core/json.ts";
import { v2ArchivePrefix, v2CurrentRef, v2MainRef } from "../format/checkpoint-refs.ts";
import { archivesOf } from "../layouts/v2/full-refs.ts";
import { ShardedTree } from "../layouts/v2/sharded-tree.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { Found } from "./found.ts";
import { verifyTreeNames } from "./tree-names.ts";

/** The raw refs of v2: each checkpoint in one generation and on main, each archive with its dates (section 6.3). */
export async function verifyGenerations(repository: Repository, found: Found): Promise<void> {
  const { refs, objects } = repository;
  const [main, current] = [await refs.read(v2MainRef), await refs.read(v2CurrentRef)];
  const archives = await archivesOf(repository);
  const full = [...archives, ...(current === null ? [] : [{ name: v2CurrentRef, id: current }])];
  if (main === null && full.length === 0) return;
  const known = new Set(await idsIn(repository, main));
  const seen = new Map<string, string>();
  for (const { name, id: tip } of full) {
    await verifyTreeNames(repository, { layout: "v2", ref: name }, found);
    for (const id of await idsIn(repository, tip)) {
      const at = { layout: "v2", id, where: name } as const;
      const other = seen.get(id);
      if (other !== undefined) found.add("generation_repeated", at, `It is in ${other} too.`);
      if (!known.has(id)) found.add("main_missing", at, "Its transcript is here, and main does not have it.");
      seen.set(id, name);
    }
    if (name.startsWith(v2ArchivePrefix) && name !== v2CurrentRef)
      await verifyDates({ objects, name, tip, found });
  }
}

async function idsIn({ objects }: Repository, tip: ObjectId | null): Promise<readonly string[]> {
  if (tip === null || (await objects.header(tip))?.type !== "commit") return [];
  const commit = await objects.commit(tip);
  if (commit === null || (await objects.header(commit.tree)) === null) return [];
  return (await (await ShardedTree.at(objects, tip)).all()).map(({ id }) => id);
}

async function verifyDates({
  objects,
  name,
  tip,
  found,
}: {
  objects: Repository["objects"];
  name: string;
  tip: ObjectId;
  found: Found;
}): Promise<void> {
  const tree = (await objects.commit(tip))?.tree;
  const entries = tree === undefined ? null : await objects.tree(tree);
  const file = entries?.find((entry) => entry.name === "generation.json" && entry.mode === "100644");
  const bytes = file === undefined ? null : await objects.blob(file.id, { maxBytes: 16 * 1024 * 1024 });
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
