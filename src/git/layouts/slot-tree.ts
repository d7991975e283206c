import type { SessionInput, StoredText } from "../checkpoint-store.ts";
import { chunkIndex, chunkName } from "../format/chunks.ts";
import type { RawObject } from "../format/raw-json.ts";
import { objectText } from "../format/write-json.ts";
import type { ObjectBatch, ObjectId, TreeEntry } from "../plumbing/objects.ts";

/** A folder that is being rewritten: what is not touched stays as it is. */
export class FolderEdit {
  readonly #entries: Map<string, TreeEntry>;

  constructor(stored: readonly TreeEntry[] = []) {
    this.#entries = new Map(stored.map((entry) => [entry.name, entry]));
  }

  get entries(): readonly TreeEntry[] {
    return [...this.#entries.values()];
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  folder(name: string): ObjectId | undefined {
    const entry = this.#entries.get(name);
    return entry?.mode === "40000" ? entry.id : undefined;
  }

  put(name: string, id: ObjectId, mode: TreeEntry["mode"] = "100644"): void {
    this.#entries.set(name, { mode, name, id });
  }

  putAll(entries: readonly TreeEntry[]): void {
    for (const { name, id, mode } of entries) this.put(name, id, mode);
  }

  remove(name: string): void {
    this.#entries.delete(name);
  }

  /** Puts a text under a name and the names of its pieces, and takes away pieces that it has no more. True: it is another one. */
  putText(file: string, { chunks }: StoredText): boolean {
    const before = this.entries.filter(({ name }) => chunkIndex(file, name) !== undefined);
    const after = new Map(chunks.map(({ id }, index) => [chunkName(file, index), id]));
    for (const { name } of before) this.remove(name);
    for (const [name, id] of after) this.put(name, id);
    return before.length !== after.size || before.some(({ name, id }) => after.get(name) !== id);
  }
}

/** Writes a session into its slot (specification, section 2); what the format does not know in it stays. */
export function editSlot(
  slot: FolderEdit,
  {
    session,
    metadata,
    batch,
  }: { readonly session: SessionInput; readonly metadata: RawObject; readonly batch: ObjectBatch },
): void {
  const { transcript, compact, prompts, assets } = session;
  slot.put("metadata.json", batch.blob(Buffer.from(objectText(metadata))));
  if (transcript !== undefined) {
    // A compact transcript of the old text may hold what the new one has redacted (section 9).
    if (slot.putText("full.jsonl", transcript)) slot.remove("transcript.jsonl");
    slot.put("content_hash.txt", batch.blob(Buffer.from(transcript.hash)));
  }
  if (compact !== undefined) slot.putText("transcript.jsonl", compact);
  if (prompts.length > 0) slot.put("prompt.txt", batch.blob(Buffer.from(prompts.join(promptSeparator))));
  else if (transcript !== undefined) slot.remove("prompt.txt");
  if (assets !== undefined) putAssets(slot, { assets, batch });
  slot.putAll(session.others ?? []);
}

/** Puts the images beside a transcript into its slot; those that were there go. */
export function putAssets(
  slot: FolderEdit,
  { assets, batch }: { readonly assets: NonNullable<SessionInput["assets"]>; readonly batch: ObjectBatch },
): void {
  const folder = new FolderEdit();
  if (assets.manifest !== undefined) folder.put("manifest.json", assets.manifest);
  for (const { name, id } of assets.files) folder.put(name, id);
  slot.put("assets", batch.tree(folder.entries), "40000");
}

/** What stands between two prompts in `prompt.txt` (section 2). */
export const promptSeparator = "\n\n---\n\n";
