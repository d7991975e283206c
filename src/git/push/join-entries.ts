import { metadataLimits, parseObject } from "../format/parse-json.ts";
import type { RawObject } from "../format/raw-json.ts";
import type { ObjectBatch, ObjectId, TreeEntry } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";

/** One thing as it was before two sides went on, and as each of them has it. */
export interface Three<T> {
  readonly base: T;
  readonly ours: T;
  readonly theirs: T;
}

/** The ids of one thing on each side; null where it is not there. */
export type ThreeIds = Three<ObjectId | null>;

export type Entries = ReadonlyMap<string, TreeEntry>;

/** What a join reads from and writes to. */
export interface JoinContext {
  readonly repository: Repository;
  readonly batch: ObjectBatch;
  /** Our sessions that got another slot, by the checkpoint's path; the layout v2 keeps their transcripts apart. */
  readonly moved: Map<string, ReadonlyMap<number, number>>;
}

/** Joins two folders that both sides changed. */
export type JoinFolders = (three: ThreeIds, name: string) => Promise<ObjectId>;

/**
 * The union of two folders by path: what one side changed is taken from it, and nothing that only one side has is
 * lost; of a file that both changed it is ours, and theirs stays in the history.
 */
export async function joinFolder(context: JoinContext, three: ThreeIds): Promise<ObjectId> {
  const entries = await entriesOf(context, three);
  return context.batch.tree(await joinEntries(entries, (folders) => joinFolder(context, folders)));
}

/** The entries of a joined folder. */
export async function joinEntries(entries: Three<Entries>, joinFolders: JoinFolders): Promise<TreeEntry[]> {
  const joined: TreeEntry[] = [];
  for (const name of namesOf(entries)) {
    const entry = await joinEntry(
      mapThree(entries, (side) => side.get(name) ?? null),
      joinFolders,
    );
    if (entry !== null) joined.push(entry);
  }
  return joined;
}

/** The entry that needs no joining: both sides agree, or only one has changed it. undefined: both have. */
export function takenEntry({ base, ours, theirs }: Three<TreeEntry | null>): TreeEntry | null | undefined {
  if (isSame(ours, theirs) || isSame(theirs, base)) return ours;
  if (isSame(ours, base)) return theirs;
  // Removed by one side and changed by the other: what was changed stays.
  return ours === null || theirs === null ? (ours ?? theirs) : undefined;
}

/** The entries of three trees by name. Only plain files and folders are carried on; a checkpoint has nothing else. */
export async function entriesOf({ repository }: JoinContext, ids: ThreeIds): Promise<Three<Entries>> {
  const read = async (id: ObjectId | null): Promise<Entries> => {
    const entries = id === null ? [] : ((await repository.objects.tree(id)) ?? []);
    return new Map(entries.filter(isPlain).map((entry) => [entry.name, entry]));
  };
  const [base, ours, theirs] = await Promise.all([read(ids.base), read(ids.ours), read(ids.theirs)]);
  return { base, ours, theirs };
}

/** A JSON object that a file holds; null where it is not there or cannot be read. */
export async function objectOf(
  { repository }: JoinContext,
  file: TreeEntry | null,
): Promise<RawObject | null> {
  if (file?.mode !== "100644") return null;
  try {
    const bytes = await repository.objects.blob(file.id, metadataLimits);
    return bytes === null ? null : parseObject(bytes);
  } catch {
    return null;
  }
}

export function mapThree<T, R>({ base, ours, theirs }: Three<T>, of: (side: T) => R): Three<R> {
  return { base: of(base), ours: of(ours), theirs: of(theirs) };
}

async function joinEntry(
  three: Three<TreeEntry | null>,
  joinFolders: JoinFolders,
): Promise<TreeEntry | null> {
  const { base, ours, theirs } = three;
  const taken = takenEntry(three);
  if (taken !== undefined) return taken;
  if (ours?.mode !== "40000" || theirs?.mode !== "40000") return ours;
  const ids = { base: base?.mode === "40000" ? base.id : null, ours: ours.id, theirs: theirs.id };
  return { ...ours, id: await joinFolders(ids, ours.name) };
}

function namesOf({ ours, theirs }: Three<Entries>): readonly string[] {
  return [...new Set([...theirs.keys(), ...ours.keys()])];
}

function isSame(a: TreeEntry | null, b: TreeEntry | null): boolean {
  return a?.id === b?.id && a?.mode === b?.mode;
}

function isPlain({ mode, name }: TreeEntry): boolean {
  return (mode === "100644" || mode === "40000") && /^[^\p{Cc}\\]+$/u.test(name) && !/^\.git/i.test(name);
}
