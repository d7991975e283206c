import type { StoredCheckpoint, StoredSession, StoredTask } from "../checkpoint-store.ts";
import { chunkIndex, chunksOf } from "../format/chunks.ts";
import { isContentHash } from "../format/hash.ts";
import { RawObject } from "../format/raw-json.ts";
import { slotOfName, slotOfPath } from "../format/slots.ts";
import type { ObjectId, ObjectReader, TreeEntry } from "../plumbing/objects.ts";
import { fileIn, filesIn, type Folder, TreeReader } from "./tree-reader.ts";

/** Where a checkpoint lies. */
export interface CheckpointPlace {
  readonly id: string;
  readonly version: ObjectId;
  /** Its folder (specification, section 2). */
  readonly tree: ObjectId;
  /** What the root's paths begin with: nothing, or `/a3/b2c4d5e6f7`. */
  readonly prefix: string;
}

/** Reads a checkpoint; whatever is wrong with it is a finding. */
export async function readCheckpoint(
  objects: ObjectReader,
  place: CheckpointPlace,
): Promise<StoredCheckpoint> {
  const reader = new TreeReader(objects);
  const top = await reader.folder(place.tree, "");
  const stored = await reader.json(top, "metadata.json", "metadata.json");
  if (fileIn(top, "metadata.json") === undefined)
    reader.found("metadata_missing", "metadata.json", "The checkpoint has no metadata.json.");
  const root = stored ?? new RawObject([]);
  const sessions = await readSessions(reader, top);
  const { tasks, strays: inTasks } = await readTasks(reader, top);
  findInRoot(reader, { place, root, sessions });
  const { others, strays } = sorted(top, {
    isFile: (name) => name === "metadata.json",
    isFolder: (name) => name === "tasks" || slotOfName(name) !== undefined,
  });
  const { id, version } = place;
  const { findings } = reader;
  return { id, version, root, sessions, tasks, others, strays: [...strays, ...inTasks], findings };
}

/** The most sessions and tasks of a checkpoint that are read; 22 sessions is the most that was seen (section 16). */
export const maxSessions = 1000;

const maxHashBytes = 1024;

async function readSessions(reader: TreeReader, top: Folder): Promise<StoredSession[]> {
  const slots = [...top.values()]
    .flatMap(({ mode, name, id }) => {
      const slot = mode === "40000" ? slotOfName(name) : undefined;
      return slot === undefined ? [] : [{ slot, id }];
    })
    .toSorted((a, b) => a.slot - b.slot);
  const sessions: StoredSession[] = [];
  for (const { slot, id } of bounded(reader, slots, "")) {
    sessions.push(await readSession(reader, slot, await reader.folder(id, String(slot))));
  }
  return sessions;
}

async function readSession(reader: TreeReader, slot: number, folder: Folder): Promise<StoredSession> {
  const where = (name: string): string => `${slot}/${name}`;
  const metadata = await reader.json(folder, "metadata.json", where("metadata.json"));
  if (fileIn(folder, "metadata.json") === undefined)
    reader.found("metadata_missing", where("metadata.json"), "The session has no metadata.json.");
  const { chunks, missing } = chunksOf("full.jsonl", filesIn(folder));
  for (const index of missing)
    reader.found("chunk_missing", where("full.jsonl"), `Piece ${index} of the transcript is not there.`);
  const hash = await reader.text(folder, "content_hash.txt", {
    where: where("content_hash.txt"),
    maxBytes: maxHashBytes,
  });
  const compactHash = await reader.text(folder, "transcript_hash.txt", {
    where: where("transcript_hash.txt"),
    maxBytes: maxHashBytes,
  });
  findInHash(reader, { where: where("content_hash.txt"), hash, hasTranscript: chunks.length > 0 });
  if (chunks.length === 0)
    reader.found("transcript_missing", where("full.jsonl"), "The session has no transcript.");
  const assets = await reader.folderIn(folder, "assets", where("assets"));
  const { others, strays } = sorted(folder, {
    isFile: (name) => slotFiles.has(name) || chunkIndex("full.jsonl", name) !== undefined,
    isFolder: (name) => name === "assets",
  });
  const inAssets = [...assets.values()].flatMap(({ mode, name }) =>
    mode === "40000" ? [`assets/${name}`] : [],
  );
  return {
    slot,
    metadata: metadata ?? new RawObject([]),
    sessionId: metadata?.text("session_id"),
    prompt: fileIn(folder, "prompt.txt"),
    transcript: chunks.map(({ id }) => id),
    compact: fileIn(folder, "transcript.jsonl"),
    hash,
    compactHash,
    assets: filesIn(assets),
    others,
    strays: [...strays, ...inAssets],
  };
}

// The hash of the compact transcript is of v2 alone.
const slotFiles: ReadonlySet<string> = new Set(
  "metadata.json prompt.txt content_hash.txt transcript.jsonl transcript_hash.txt".split(" "),
);

/** What the format does not know: entries with names of their own, and those that have a known one as a file or folder that it is not. */
function sorted(
  folder: Folder,
  known: { readonly isFile: (name: string) => boolean; readonly isFolder: (name: string) => boolean },
): { readonly others: readonly TreeEntry[]; readonly strays: readonly string[] } {
  const others: TreeEntry[] = [];
  const strays: string[] = [];
  for (const entry of folder.values()) {
    const [asFile, asFolder] = [known.isFile(entry.name), known.isFolder(entry.name)];
    if (!asFile && !asFolder) others.push(entry);
    else if (entry.mode === "40000" ? !asFolder : !asFile) strays.push(entry.name);
  }
  return { others, strays };
}

async function readTasks(
  reader: TreeReader,
  top: Folder,
): Promise<{ readonly tasks: readonly StoredTask[]; readonly strays: readonly string[] }> {
  const folders = [...(await reader.folderIn(top, "tasks", "tasks")).values()];
  const tasks: StoredTask[] = [];
  const strays = folders.filter(({ mode }) => mode !== "40000").map(({ name }) => `tasks/${name}`);
  for (const { name, id } of bounded(
    reader,
    folders.filter(({ mode }) => mode === "40000"),
    "tasks",
  )) {
    const where = `tasks/${name}`;
    const folder = await reader.folder(id, where);
    const task = await reader.json(folder, "task.json", `${where}/task.json`);
    const transcripts = filesIn(folder).filter((file) => agentFileOf(file.name) !== undefined);
    for (const file of new Set(transcripts.map((part) => agentFileOf(part.name)!)))
      for (const index of chunksOf(file, transcripts).missing)
        reader.found("chunk_missing", `${where}/${file}`, `Piece ${index} of the transcript is not there.`);
    const unknown = sorted(folder, {
      isFile: (file) => file === "task.json" || agentFileOf(file) !== undefined,
      isFolder: () => false,
    });
    strays.push(...unknown.strays.map((stray) => `${where}/${stray}`));
    tasks.push({
      toolUseId: name,
      task: task ?? new RawObject([]),
      transcripts,
      others: unknown.others,
    });
  }
  return { tasks, strays };
}

/** The file that a subagent's transcript, or a further piece of it, is of. */
function agentFileOf(name: string): string | undefined {
  const file = /^agent-.+?\.jsonl/.exec(name)?.[0];
  return file !== undefined && chunkIndex(file, name) !== undefined ? file : undefined;
}

function bounded<Item>(reader: TreeReader, items: readonly Item[], where: string): readonly Item[] {
  if (items.length > maxSessions)
    reader.found("entries_too_many", where, `Of ${items.length} entries the first ${maxSessions} are read.`);
  return items.slice(0, maxSessions);
}

function findInHash(
  reader: TreeReader,
  { where, hash, hasTranscript }: { where: string; hash: string | undefined; hasTranscript: boolean },
): void {
  if (hash !== undefined && !isContentHash(hash))
    reader.found("hash_invalid", where, "The file holds no hash of a transcript.");
  if (hash === undefined && hasTranscript)
    reader.found("hash_missing", where, "There is no hash beside the transcript.");
}

function findInRoot(
  reader: TreeReader,
  { place, root, sessions }: { place: CheckpointPlace; root: RawObject; sessions: readonly StoredSession[] },
): void {
  const id = root.text("checkpoint_id");
  if (id !== undefined && id !== place.id)
    reader.found(
      "id_mismatch",
      "metadata.json",
      `It calls itself checkpoint ${JSON.stringify(id.slice(0, 64))}.`,
    );
  findInSlots(reader, sessions);
  const listed = new Set<number>();
  for (const entry of root.list("sessions").slice(0, maxSessions)) {
    const path = entry instanceof RawObject ? (entry.text("metadata") ?? "") : "";
    const slot = slotOfPath(path);
    if (slot === undefined || path !== `${place.prefix}/${slot}/metadata.json`) {
      reader.found("path_foreign", "metadata.json", `The root names ${JSON.stringify(path.slice(0, 200))}.`);
      continue;
    }
    listed.add(slot);
    const session = sessions.find((other) => other.slot === slot);
    if (session === undefined)
      reader.found("session_absent", String(slot), "The root names a session that is not there.");
    else if (entry instanceof RawObject) findMissingPaths(reader, entry, session);
  }
  for (const { slot } of sessions)
    if (!listed.has(slot))
      reader.found("session_unlisted", String(slot), "The root does not name this session.");
}

function findInSlots(reader: TreeReader, sessions: readonly StoredSession[]): void {
  const seen = new Set<string>();
  for (const { slot, sessionId } of sessions) {
    if (sessionId === undefined) {
      reader.found("session_unnamed", String(slot), "The slot does not say whose session it holds.");
    } else if (seen.has(sessionId)) {
      reader.found("session_repeated", String(slot), "The session has a slot already; the later one counts.");
    }
    seen.add(sessionId ?? "");
  }
  if (sessions.some(({ slot }, index) => slot !== index))
    reader.found("slots_sparse", "", "The numbers of the slots have gaps.");
}

function findMissingPaths(reader: TreeReader, entry: RawObject, session: StoredSession): void {
  const there: Readonly<Record<string, boolean>> = {
    transcript: session.transcript.length > 0,
    compact_transcript: session.compact !== undefined,
    content_hash: session.hash !== undefined,
    prompt: session.prompt !== undefined,
    assets_manifest: session.assets.some(({ name }) => name === "manifest.json"),
  };
  for (const [key, isThere] of Object.entries(there)) {
    const path = entry.text(key) ?? "";
    if (path !== "" && !isThere)
      reader.found(
        "path_missing",
        `${session.slot}`,
        `The root names a file for ${key}, which is not there.`,
      );
  }
}
