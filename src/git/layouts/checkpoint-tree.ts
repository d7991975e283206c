import { HoldfastError } from "../../core/errors.ts";
import type { CheckpointInput, SessionInput, TaskInput } from "../checkpoint-store.ts";
import { rootMetadata, sessionMetadata, type SlotPaths } from "../format/metadata.ts";
import type { RawObject } from "../format/raw-json.ts";
import { slotFor, slotOfName, slotsBySession, type SlotOwner } from "../format/slots.ts";
import { objectText } from "../format/write-json.ts";
import type { ObjectBatch, ObjectId, ObjectReader, TreeEntry } from "../plumbing/objects.ts";
import { maxSessions } from "./read-checkpoint.ts";
import { editSlot, editTask, FolderEdit } from "./slot-tree.ts";
import { TreeReader } from "./tree-reader.ts";

/** What came of a write: the checkpoint's folder, and the slot of each session that was written. */
export interface CheckpointTree {
  readonly tree: ObjectId;
  readonly slots: ReadonlyMap<string, number>;
}

/**
 * Puts the folder of a checkpoint into a batch: the stored one with the sessions and tasks of the input in it.
 * @throws checkpoint_damaged where the stored one cannot be rewritten without loss
 */
export async function buildCheckpoint(params: {
  readonly objects: ObjectReader;
  readonly batch: ObjectBatch;
  /** The folder as it is stored; null where there is none. */
  readonly stored: ObjectId | null;
  readonly input: CheckpointInput;
  /** What the root's paths begin with: nothing, or `/a3/b2c4d5e6f7`. */
  readonly prefix: string;
}): Promise<CheckpointTree> {
  const { objects, batch, stored, input, prefix } = params;
  const load = new StoredFolders(objects, input.id);
  const top = await load.folder(stored);
  const slots = await storedSlots(load, top);
  const written = input.sessions.map((session) => ({
    ...writeSession({ session, slots, input, batch }),
    hasContext: session.others?.some(({ name }) => name === "context.md") === true,
  }));
  await writeTasks({ tasks: input.tasks ?? [], top, load, batch });
  top.putAll(input.others ?? []);
  for (const { slot, folder } of written) top.put(String(slot), batch.tree(folder.entries), "40000");
  const root = rootMetadata({
    stored: (await load.json(top, "metadata.json")) ?? input.record?.without(["sessions"]),
    fields: rootFields(input),
    sessions: input.record === undefined ? countedSessions(slots) : [],
    written: written.map((session) => pathsOf(session, prefix)),
  });
  top.put("metadata.json", batch.blob(Buffer.from(objectText(root))));
  const bySession = written.map(({ sessionId, slot }) => [sessionId, slot] as const);
  return { tree: batch.tree(top.entries), slots: new Map(bySession) };
}

interface Slot {
  readonly slot: number;
  readonly folder: FolderEdit;
  readonly metadata: RawObject | undefined;
}

// For a rewrite everything has to be readable: what were left out would be lost.
class StoredFolders {
  readonly #reader: TreeReader;
  readonly #objects: ObjectReader;
  readonly #id: string;

  constructor(objects: ObjectReader, id: string) {
    this.#reader = new TreeReader(objects, { isForRewrite: true });
    this.#objects = objects;
    this.#id = id;
  }

  async folder(id: ObjectId | null | undefined): Promise<FolderEdit> {
    if (id === null || id === undefined) return new FolderEdit();
    const entries = await this.#objects.tree(id);
    if (entries === null) throw this.damaged(`its folder ${id} is not in the repository`);
    return new FolderEdit(entries);
  }

  async json(folder: FolderEdit, name: string): Promise<RawObject | undefined> {
    const found = await this.tryJson(folder, name);
    if (found === undefined && folder.has(name)) throw this.damaged(`its ${name} cannot be read`);
    return found;
  }

  async tryJson(folder: FolderEdit, name: string): Promise<RawObject | undefined> {
    const entries = new Map(folder.entries.map((entry) => [entry.name, entry]));
    return this.#reader.json(entries, name, name);
  }

  damaged(fault: string): HoldfastError {
    return new HoldfastError({
      code: "checkpoint_damaged",
      message: `The checkpoint ${this.#id} cannot be rewritten without loss: ${fault}.`,
      next: "Run `holdfast git verify`, then `holdfast git repair`.",
      data: { id: this.#id },
    });
  }
}

async function storedSlots(load: StoredFolders, top: FolderEdit): Promise<Slot[]> {
  const numbered = top.entries.flatMap((entry: TreeEntry) => {
    const slot = slotOfName(entry.name);
    return slot === undefined ? [] : [{ slot, entry }];
  });
  if (numbered.length > maxSessions) throw load.damaged(`it has ${numbered.length} slots`);
  const slots: Slot[] = [];
  for (const { slot, entry } of numbered) {
    // A file that is called like a slot takes the number.
    const folder = entry.mode === "40000" ? await load.folder(entry.id) : new FolderEdit();
    slots.push({ slot, folder, metadata: await load.tryJson(folder, "metadata.json") });
  }
  return slots;
}

function writeSession({
  session,
  slots,
  input,
  batch,
}: {
  session: SessionInput;
  slots: Slot[];
  input: CheckpointInput;
  batch: ObjectBatch;
}): Slot & { readonly sessionId: string } {
  const number = slotFor(session.sessionId, slots.map(ownerOf));
  const at = slots.findIndex(({ slot }) => slot === number);
  const folder = slots[at]?.folder ?? new FolderEdit();
  const stored = slots[at]?.metadata;
  const fields = {
    ...fieldsOf({ session, input, isNew: at === -1 }),
    ...(stored === undefined ? {} : session.record?.fields()),
  };
  const ids = { checkpoint_id: input.id, session_id: session.sessionId };
  const metadata = sessionMetadata(stored ?? session.record, { ...fields, ...session.metadata, ...ids });
  editSlot(folder, { session, metadata, batch });
  const written = { slot: number, folder, metadata, sessionId: session.sessionId };
  slots.splice(at === -1 ? slots.length : at, at === -1 ? 0 : 1, written);
  return written;
}

async function writeTasks({
  tasks,
  top,
  load,
  batch,
}: {
  tasks: readonly TaskInput[];
  top: FolderEdit;
  load: StoredFolders;
  batch: ObjectBatch;
}): Promise<void> {
  if (tasks.length === 0) return;
  const all = await load.folder(top.folder("tasks"));
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

// What is carried over says itself where it came from.
function fieldsOf({
  session,
  input,
  isNew,
}: {
  session: SessionInput;
  input: CheckpointInput;
  isNew: boolean;
}): Readonly<Record<string, unknown>> {
  if (session.record !== undefined) return {};
  return {
    cli_version: input.cliVersion,
    strategy: input.strategy,
    branch: input.branch,
    ...(isNew ? { created_at: timeOf(input) } : {}),
  };
}

function timeOf({ author }: CheckpointInput): string {
  return new Date(author?.atMs ?? Date.now()).toISOString();
}

function rootFields(input: CheckpointInput): Readonly<Record<string, unknown>> {
  const record = input.record?.without(["sessions"]).fields();
  return {
    ...(record ?? { cli_version: input.cliVersion }),
    strategy: input.strategy,
    branch: input.branch ?? record?.["branch"],
    ...input.root,
    checkpoint_id: input.id,
  };
}

function ownerOf({ slot, metadata }: Slot): SlotOwner {
  return { slot, sessionId: metadata?.text("session_id"), createdAt: metadata?.text("created_at") };
}

// A session that has two slots is counted once, and one that nobody can name is counted too.
function countedSessions(slots: readonly Slot[]): RawObject[] {
  const current = new Set(slotsBySession(slots.map(ownerOf)).values());
  return slots.flatMap(({ slot, metadata }) => {
    const isCounted = current.has(slot) || metadata?.text("session_id") === undefined;
    return metadata !== undefined && isCounted ? [metadata] : [];
  });
}

function pathsOf(
  { slot, folder, hasContext }: Pick<Slot, "slot" | "folder"> & { readonly hasContext: boolean },
  prefix: string,
): SlotPaths {
  const path = (name: string): string => `${prefix}/${slot}/${name}`;
  const ifThere = (name: string): string | undefined => (folder.has(name) ? path(name) : undefined);
  return {
    slot,
    paths: {
      metadata: path("metadata.json"),
      transcript: path("full.jsonl"),
      ...(hasContext ? { context: path("context.md") } : {}),
      compact_transcript: ifThere("transcript.jsonl"),
      content_hash: ifThere("content_hash.txt"),
      prompt: ifThere("prompt.txt"),
      assets_manifest: folder.has("assets") ? path("assets/manifest.json") : undefined,
    },
  };
}
