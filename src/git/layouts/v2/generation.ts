import { fieldsOf, objectIn, textOf } from "../../../core/json.ts";
import { isDamage } from "../../damage.ts";
import { metadataLimits, parseObject } from "../../format/parse-json.ts";
import { slotOfName } from "../../format/slots.ts";
import type { ObjectId, ObjectReader } from "../../plumbing/objects.ts";
import type { Repository } from "../../plumbing/repository.ts";
import { v2MainRef } from "../../format/checkpoint-refs.ts";
import { ShardedTree, folderOf } from "./sharded-tree.ts";

/**
 * The text of `generation.json`: from when to when the checkpoints are of a tree (specification, section 6.3). An archive
 * must not be taken for older than it is: where main does not tell, they are of now.
 * @throws git_object_invalid, git_object_unfetched where a tree cannot be read
 */
export async function generationFile(repository: Repository, tree: ShardedTree): Promise<string> {
  const main = await ShardedTree.at(repository.objects, await repository.refs.read(v2MainRef));
  const { atMs: now } = await repository.identity();
  const times: number[] = [];
  for (const { id } of await tree.all())
    times.push(...(await timesOf(repository, { folder: await main.folder(id), now })));
  if (times.length === 0) times.push(now);
  const at = (ms: number): string => new Date(ms).toISOString();
  const [oldest, newest] = [times.reduce((a, b) => Math.min(a, b)), times.reduce((a, b) => Math.max(a, b))];
  return `${JSON.stringify({ oldest_checkpoint_at: at(oldest), newest_checkpoint_at: at(newest) }, null, 2)}\n`;
}

/** When the newest checkpoint of an archive was made; undefined where it does not say. */
export async function newestIn(repository: Repository, archive: ObjectId): Promise<number | undefined> {
  const { top } = await ShardedTree.at(repository.objects, archive);
  const file = top.entries.find(({ name, mode }) => name === "generation.json" && mode === "100644");
  const bytes = file === undefined ? null : await repository.objects.blob(file.id, { maxBytes: 1024 * 1024 });
  const at = Date.parse(textOf(fieldsOf(objectIn(bytes?.toString() ?? ""))?.["newest_checkpoint_at"]) ?? "");
  return Number.isNaN(at) ? undefined : at;
}

async function timesOf(
  { objects }: Repository,
  { folder, now }: { readonly folder: ObjectId | undefined; readonly now: number },
): Promise<readonly number[]> {
  const times: number[] = [];
  for (const { name, id, mode } of (await folderOf(objects, folder)).entries) {
    if (mode !== "40000" || slotOfName(name) === undefined) continue;
    const file = (await folderOf(objects, id)).entries.find((entry) => entry.name === "metadata.json");
    const at = file === undefined ? Number.NaN : await createdAt(objects, { id: file.id, now });
    if (!Number.isNaN(at)) times.push(at);
  }
  return times;
}

async function createdAt(
  objects: ObjectReader,
  { id, now }: { readonly id: ObjectId; readonly now: number },
): Promise<number> {
  try {
    const bytes = await objects.blob(id, metadataLimits);
    return bytes === null ? now : Date.parse(parseObject(bytes).text("created_at") ?? "");
  } catch (error) {
    if (!isDamage(error)) throw error;
    return now;
  }
}
