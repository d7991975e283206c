import { isDamage } from "../../damage.ts";
import { slotOfName } from "../../format/slots.ts";
import { v2ArchivePrefix, v2CurrentRef } from "../../format/checkpoint-refs.ts";
import type { ObjectId, ObjectReader, TreeEntry } from "../../plumbing/objects.ts";
import type { Repository } from "../../plumbing/repository.ts";
import type { Ref } from "../../plumbing/refs.ts";
import type { OldSlots } from "./old-slots.ts";
import { ShardedTree, folderOf } from "./sharded-tree.ts";

/** A slot of a checkpoint among the raw transcripts. */
export interface FullSlot {
  /** The ref that holds it; null: only the history of current does (specification, section 6.1). */
  readonly ref: string | null;
  readonly tree: ObjectId;
  readonly entries: readonly TreeEntry[];
}

/** What the raw refs hold of one checkpoint. */
export interface FullCheckpoint {
  readonly slots: ReadonlyMap<number, FullSlot>;
  /** Folders of subagents' records, under the slots or beside them. */
  readonly tasks: ReadonlyMap<string, { readonly slot: number | null; readonly tree: ObjectId }>;
}

/**
 * Looks for a checkpoint in current, then in the archives from the newest, then in the history of current. An archive that
 * cannot be read is as good as one that was not fetched: a slot in it may be written a second time, and the newer counts.
 */
export async function findFull(
  repository: Repository,
  {
    id,
    slots: wanted,
    old,
    onlyReads = false,
  }: {
    readonly id: string;
    readonly slots: readonly number[];
    readonly old: OldSlots;
    /** Passes current over too where it cannot be read, which a writer must not: it goes on from it. */
    readonly onlyReads?: boolean;
  },
): Promise<FullCheckpoint> {
  const slots = new Map<number, FullSlot>();
  const tasks = new Map<string, { slot: number | null; tree: ObjectId }>();
  const { objects } = repository;
  const take = async (ref: string | null, slot: number, tree: ObjectId): Promise<void> => {
    if (slots.has(slot)) return;
    const { entries } = await folderOf(objects, tree);
    slots.set(slot, { ref, tree, entries });
    await addTasks(
      slot,
      entries.find(({ name }) => name === "tasks"),
    );
  };
  const addTasks = async (slot: number | null, entry: TreeEntry | undefined): Promise<void> => {
    if (entry?.mode !== "40000") return;
    for (const task of (await folderOf(objects, entry.id)).entries)
      if (task.mode === "40000" && !tasks.has(task.name)) tasks.set(task.name, { slot, tree: task.id });
  };
  for (const full of await fullRefs(repository)) {
    const ref = full.name;
    const folder = await folderIn(objects, full, id).catch((error: unknown) => {
      if (!isDamage(error) || (ref === v2CurrentRef && !onlyReads)) throw error;
    });
    if (folder === undefined) continue;
    const { entries } = await folderOf(objects, folder);
    for (const { name, mode, id: tree } of entries) {
      const slot = mode === "40000" ? slotOfName(name) : undefined;
      if (slot !== undefined) await take(ref, slot, tree);
    }
    await addTasks(
      null,
      entries.find(({ name }) => name === "tasks"),
    );
  }
  for (const slot of wanted) {
    const tree = slots.has(slot) ? undefined : await old.find(id, slot);
    if (tree !== undefined) await take(null, slot, tree);
  }
  return { slots, tasks };
}

/** Current, and behind it the archives from the newest. */
export async function fullRefs(repository: Repository): Promise<readonly Ref[]> {
  const current = await repository.refs.read(v2CurrentRef);
  const archives = (await archivesOf(repository)).toReversed();
  return current === null ? archives : [{ name: v2CurrentRef, id: current }, ...archives];
}

/** The archives from the oldest. */
export async function archivesOf({ refs }: Repository): Promise<readonly Ref[]> {
  const all = await refs.list(v2ArchivePrefix);
  return all.filter(({ name }) => /^\d{13}$/.test(name.slice(v2ArchivePrefix.length)));
}

async function folderIn(objects: ObjectReader, full: Ref, id: string): Promise<ObjectId | undefined> {
  return await (await ShardedTree.of(objects, full)).folder(id);
}
