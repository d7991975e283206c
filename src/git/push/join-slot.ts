import { chunkIndex } from "../format/chunks.ts";
import type { RawObject } from "../format/raw-json.ts";
import { objectText } from "../format/write-json.ts";
import type { ObjectId, TreeEntry } from "../plumbing/objects.ts";
import * as join from "./join-entries.ts";
import { joinObjects } from "./join-objects.ts";

/** A session's folder as it was joined. */
export interface JoinedSlot {
  readonly id: ObjectId;
  readonly metadata: RawObject | null;
  /** The names in it. */
  readonly files: ReadonlySet<string>;
}

/**
 * Joins a session's folder. Files that only mean something together, as a transcript's chunks and its hash do, are
 * taken together from one side: where both changed them from the one that has more, since a transcript only grows.
 */
export async function joinSlot(context: join.JoinContext, ids: join.ThreeIds): Promise<JoinedSlot> {
  const entries = await join.entriesOf(context, ids);
  const transcript = await takenGroup(context, entries, transcriptFiles);
  const compact = await takenGroup(context, entries, compactFiles);
  const metadata = await joinMetadata(context, entries, transcript.winner);
  const others = join.mapThree(entries, (side) => new Map([...side].filter(([name]) => isAlone(name))));
  const joined = [
    ...transcript.files,
    ...compact.files,
    ...(metadata.file === null ? [] : [metadata.file]),
    ...(await join.joinEntries(others, (folders) => join.joinFolder(context, folders))),
  ];
  return {
    id: context.batch.tree(joined),
    metadata: metadata.object,
    files: new Set(joined.map(({ name }) => name)),
  };
}

const transcriptFiles = ["full.jsonl", "content_hash.txt", "raw_transcript", "raw_transcript_hash.txt"];
const compactFiles = ["transcript.jsonl", "transcript_hash.txt"];

function isOf(group: readonly string[], name: string): boolean {
  return group.some((file) => chunkIndex(file, name) !== undefined);
}

function isAlone(name: string): boolean {
  return name !== "metadata.json" && !isOf(transcriptFiles, name) && !isOf(compactFiles, name);
}

interface Taken {
  readonly winner: "ours" | "theirs";
  readonly files: readonly TreeEntry[];
}

async function takenGroup(
  { repository }: join.JoinContext,
  entries: join.Three<join.Entries>,
  group: readonly string[],
): Promise<Taken> {
  const { base, ours, theirs } = join.mapThree(entries, (side) =>
    [...side.values()].filter(({ name }) => isOf(group, name)),
  );
  const [before, mine, other] = [textOf(base), textOf(ours), textOf(theirs)];
  if (mine !== other && mine === before) return { winner: "theirs", files: theirs };
  if (mine === other || other === before) return { winner: "ours", files: ours };
  const bytes = async (files: readonly TreeEntry[]): Promise<number> => {
    const headers = await Promise.all(files.map(({ id }) => repository.objects.header(id)));
    return headers.reduce((sum, header) => sum + (header?.size ?? 0), 0);
  };
  const isTheirs = (await bytes(theirs)) > (await bytes(ours));
  return isTheirs ? { winner: "theirs", files: theirs } : { winner: "ours", files: ours };
}

function textOf(files: readonly TreeEntry[]): string {
  return files
    .map(({ name, id }) => `${name} ${id}`)
    .toSorted()
    .join("\n");
}

async function joinMetadata(
  context: join.JoinContext,
  entries: join.Three<join.Entries>,
  winner: "ours" | "theirs",
): Promise<{ readonly file: TreeEntry | null; readonly object: RawObject | null }> {
  const files = join.mapThree(entries, (side) => side.get("metadata.json") ?? null);
  const taken = join.takenEntry(files);
  if (taken !== undefined) return { file: taken, object: await join.objectOf(context, taken) };
  const read = join.mapThree(files, (file) => join.objectOf(context, file));
  const object = joinObjects(
    { base: await read.base, ours: await read.ours, theirs: await read.theirs },
    winner,
  );
  if (object === null) return { file: files[winner], object };
  const id = context.batch.blob(Buffer.from(objectText(object)));
  return { file: { mode: "100644", name: "metadata.json", id }, object };
}
