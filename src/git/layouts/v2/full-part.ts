import type { CheckpointInput, SessionInput, TaskInput } from "../../checkpoint-store.ts";
import { metadataLimits, parseObject } from "../../format/parse-json.ts";
import type { ObjectBatch, ObjectId, ObjectReader } from "../../plumbing/objects.ts";
import { type FolderEdit, editTask, putAssets } from "../slot-tree.ts";
import type { FullCheckpoint } from "./full-refs.ts";
import type { Profile } from "./profile.ts";
import { earlierNames, finalNames, isRaw } from "./raw-files.ts";
import { folderOf } from "./sharded-tree.ts";

/** What of a checkpoint goes to the raw refs, by the slot that was decided on main. */
export interface FullWork {
  readonly slot: number;
  readonly session: SessionInput | undefined;
  readonly tasks: readonly TaskInput[];
}

/** A session without transcript and images has nothing to write here (section 6.3); tasks lie under a session's slot. */
export function fullWorkOf(
  { sessions, tasks = [] }: CheckpointInput,
  slots: ReadonlyMap<string, number>,
  full: FullCheckpoint,
): readonly FullWork[] {
  const work = new Map<number, { session: SessionInput | undefined; tasks: TaskInput[] }>();
  for (const session of sessions)
    if (session.transcript !== undefined || session.assets !== undefined)
      work.set(slots.get(session.sessionId)!, { session, tasks: [] });
  const first = [...slots.values(), ...full.slots.keys(), 0][0]!;
  for (const task of tasks) {
    const slot = full.tasks.get(task.toolUseId)?.slot ?? first;
    const there = work.get(slot) ?? { session: undefined, tasks: [] };
    there.tasks.push(task);
    work.set(slot, there);
  }
  return [...work].map(([slot, { session, tasks: own }]) => ({ slot, session, tasks: own }));
}

/** Puts a slot's part into a batch, over what is stored of it. */
export async function fullSlot(params: {
  readonly objects: ObjectReader;
  readonly batch: ObjectBatch;
  readonly stored: ObjectId | undefined;
  readonly work: FullWork;
  readonly profile: Profile;
}): Promise<ObjectId> {
  const { objects, batch, stored, work, profile } = params;
  const slot = await folderOf(objects, stored);
  const { transcript, assets } = work.session ?? {};
  if (transcript !== undefined) {
    for (const { name } of slot.entries) if (isRaw(name)) slot.remove(name);
    const names = profile === "seed" ? earlierNames : finalNames;
    slot.putText(names.text, transcript);
    slot.put(names.hash, batch.blob(Buffer.from(transcript.hash)));
  }
  if (assets !== undefined) putAssets(slot, { assets, batch });
  if (work.tasks.length > 0) await putTasks(params, slot);
  return batch.tree(slot.entries);
}

async function putTasks(
  { objects, batch, work }: Parameters<typeof fullSlot>[0],
  slot: FolderEdit,
): Promise<void> {
  const all = await folderOf(objects, slot.folder("tasks"));
  for (const task of work.tasks) {
    const folder = await folderOf(objects, all.folder(task.toolUseId));
    const file = folder.entries.find(({ name }) => name === "task.json");
    const bytes = file === undefined ? null : await objects.blob(file.id, metadataLimits);
    editTask(folder, { task, stored: bytes === null ? undefined : parseObject(bytes), batch });
    all.put(task.toolUseId, batch.tree(folder.entries), "40000");
  }
  slot.put("tasks", batch.tree(all.entries), "40000");
}
