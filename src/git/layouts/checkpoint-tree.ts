import type { CheckpointInput, SessionInput } from "../checkpoint-store.ts";
import { rootMetadata, sessionMetadata, type SlotPaths } from "../format/metadata.ts";
import type { RawObject } from "../format/raw-json.ts";
import { slotFor, slotOfName, slotsBySession, type SlotOwner } from "../format/slots.ts";
import { objectText } from "../format/write-json.ts";
import type { ObjectBatch, ObjectId, ObjectReader, TreeEntry } from "../plumbing/objects.ts";
import { maxSessions } from "./read-checkpoint.ts";
import { editSlot, FolderEdit } from "./slot-tree.ts";
import { StoredFolders } from "./stored-folders.ts";
import { editTasks } from "./task-tree.ts";

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
  await editTasks(top, { tasks: input.tasks ?? [], load, batch });
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
    slots.push({ slot, folder, metadata: await load.metadata(folder, slot) });
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
