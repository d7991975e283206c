import { metadataLimits, parseObject } from "../../format/parse-json.ts";
import { slotOfName } from "../../format/slots.ts";
import { objectText } from "../../format/write-json.ts";
import type { ObjectId, TreeEntry } from "../../plumbing/objects.ts";
import type { FullCheckpoint, FullSlot } from "./full-refs.ts";
import { isFinal, isRaw, rawFilesOf } from "./raw-files.ts";
import type { Scratch } from "./scratch.ts";
import { folderOf } from "./sharded-tree.ts";
import { fromMain } from "./start-keys.ts";

/**
 * A checkpoint as the other layouts have it in one folder, from its two parts here: so one reader and one writer of
 * checkpoints serve all layouts.
 */
export async function wholeView(scratch: Scratch, main: ObjectId, full: FullCheckpoint): Promise<ObjectId> {
  const top = await folderOf(scratch, main);
  for (const entry of top.entries) {
    const slot = entry.mode === "40000" ? slotOfName(entry.name) : undefined;
    if (slot !== undefined)
      top.put(entry.name, await wholeSlot(scratch, entry.id, full.slots.get(slot)), "40000");
  }
  if (full.tasks.size > 0) {
    const tasks = await folderOf(scratch, top.folder("tasks"));
    for (const [name, { tree }] of full.tasks) if (!tasks.has(name)) tasks.put(name, tree, "40000");
    top.put("tasks", scratch.putTree(tasks.entries), "40000");
  }
  return scratch.putTree(top.entries);
}

async function wholeSlot(scratch: Scratch, main: ObjectId, full: FullSlot | undefined): Promise<ObjectId> {
  const slot = await folderOf(scratch, main);
  const raw = full?.entries ?? [];
  for (const { name, id } of rawFilesOf(raw)) slot.put(name, id);
  const assets = raw.find(({ name }) => name === "assets");
  if (assets?.mode === "40000") slot.put("assets", assets.id, "40000");
  const metadata = await translated(
    scratch,
    slot.entries,
    isFinal(raw) || !raw.some(({ name }) => isRaw(name)),
  );
  if (metadata !== undefined) slot.put("metadata.json", metadata);
  return scratch.putTree(slot.entries);
}

// What cannot be read is left as it is, and told by the reader.
async function translated(
  scratch: Scratch,
  entries: readonly TreeEntry[],
  isFinalForm: boolean,
): Promise<ObjectId | undefined> {
  const file = entries.find(({ name, mode }) => name === "metadata.json" && mode === "100644");
  if (file === undefined) return undefined;
  try {
    const bytes = await scratch.blob(file.id, metadataLimits);
    const metadata = bytes === null ? undefined : parseObject(bytes);
    if (metadata === undefined) return undefined;
    const whole = fromMain(metadata, isFinalForm ? "final" : "earlier");
    return whole === metadata ? undefined : scratch.putBlob(Buffer.from(objectText(whole)));
  } catch {
    return undefined;
  }
}
