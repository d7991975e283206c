import type { TaskInput } from "../checkpoint-store.ts";
import { RawObject } from "../format/raw-json.ts";
import { objectText } from "../format/write-json.ts";
import type { ObjectBatch } from "../plumbing/objects.ts";
import type { FolderEdit } from "./slot-tree.ts";
import type { StoredFolders } from "./stored-folders.ts";

/** Writes subagents' records into `tasks` of a folder, over the stored ones; several may be of one tool use. */
export async function editTasks(
  top: FolderEdit,
  {
    tasks,
    load,
    batch,
  }: { readonly tasks: readonly TaskInput[]; readonly load: StoredFolders; readonly batch: ObjectBatch },
): Promise<void> {
  if (tasks.length === 0) return;
  const all = await load.folder(top.folder("tasks"));
  // What is in the batch cannot be read yet.
  const edited = new Map<string, { readonly folder: FolderEdit; readonly record: RawObject }>();
  for (const task of tasks) {
    const before = edited.get(task.toolUseId);
    const folder = before?.folder ?? (await load.folder(all.folder(task.toolUseId)));
    const stored = before?.record ?? (await load.json(folder, "task.json"));
    edited.set(task.toolUseId, { folder, record: editTask(folder, { task, stored, batch }) });
  }
  for (const [name, { folder }] of edited) all.put(name, batch.tree(folder.entries), "40000");
  top.put("tasks", batch.tree(all.entries), "40000");
}

/** Gives the record as it is now. */
function editTask(
  folder: FolderEdit,
  {
    task: { toolUseId, agentId, task, transcript, others = [] },
    stored,
    batch,
  }: { readonly task: TaskInput; readonly stored: RawObject | undefined; readonly batch: ObjectBatch },
): RawObject {
  const fields = RawObject.of({ tool_use_id: toolUseId, agent_id: agentId, ...task });
  const merged = (stored ?? new RawObject([])).withAll(new Map(fields.entries));
  folder.put("task.json", batch.blob(Buffer.from(objectText(merged))));
  if (transcript !== undefined) folder.putText(`agent-${agentId}.jsonl`, transcript);
  folder.putAll(others);
  return merged;
}
