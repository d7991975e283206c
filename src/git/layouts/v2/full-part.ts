import type { CheckpointInput, SessionInput, TaskInput } from "../../checkpoint-store.ts";
import type { ObjectBatch, ObjectId } from "../../plumbing/objects.ts";
import { putAssets } from "../slot-tree.ts";
import type { StoredFolders } from "../stored-folders.ts";
import { editTasks } from "../task-tree.ts";
import type { FullCheckpoint } from "./full-refs.ts";
import type { Profile } from "./profile.ts";
import { earlierNames, finalNames, isRaw } from "./raw-files.ts";

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
  readonly load: StoredFolders;
  readonly batch: ObjectBatch;
  readonly stored: ObjectId | undefined;
  readonly work: FullWork;
  readonly profile: Profile;
}): Promise<ObjectId> {
  const { load, batch, stored, work, profile } = params;
  const slot = await load.folder(stored);
  const { transcript, assets } = work.session ?? {};
  if (transcript !== undefined) {
    for (const { name } of slot.entries) if (isRaw(name)) slot.remove(name);
    const names = profile === "seed" ? earlierNames : finalNames;
    slot.putText(names.text, transcript);
    slot.put(names.hash, batch.blob(Buffer.from(transcript.hash)));
  }
  if (assets !== undefined) putAssets(slot, { assets, batch });
  await editTasks(slot, { tasks: work.tasks, load, batch });
  return batch.tree(slot.entries);
}
