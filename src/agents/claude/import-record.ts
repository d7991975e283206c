import { isHoldfastError } from "../../core/errors.ts";
import type { LogKey } from "../../core/ids.ts";
import { blockHash, type LogStore } from "../../core/reading-order.ts";
import type { Store } from "../../core/store.ts";
import type { Conflict } from "./file-problems.ts";
import type { FileState, TranscriptFile } from "./find-transcripts.ts";

/** What an import asks of a store. */
export type ImportStore = LogStore & Pick<Store, "session">;

/** What is known of a file from an earlier import. */
export interface ImportedBefore {
  /** Its log was there and is gone: someone removed it, and an import must not bring it back unasked. */
  readonly removed: boolean;
  /** What was wrong with the file. */
  readonly problems: readonly string[];
  readonly conflicts: readonly Conflict[];
}

/** What an earlier import left of a file; undefined where there was none, or the file or its log has changed since. */
export async function importedBefore(
  store: ImportStore,
  file: TranscriptFile,
  key: LogKey,
): Promise<ImportedBefore | undefined> {
  const { committed } = await store.read({ log: key, limit: 1 });
  const { entries } = await store.read({ log: recordLog(key), order: "desc", limit: 1000 });
  const records = entries.map(({ body }) => JSON.parse(body) as ImportRecord);
  if (committed === 0 && records.some(({ head = 0 }) => head > 0))
    return { removed: true, problems: [], conflicts: [] };
  const last = records.find(({ path }) => path === file.path);
  if (last?.head === undefined || committed < last.head) return undefined;
  const same = isSame(last, file) && isSame(last.metadata, file.metadata);
  if (!same || last.ends !== (await endsOf(store, key, last.head))) return undefined;
  const conflicts = (last.conflicts ?? []).map((conflict) => ({ file: file.path, ...conflict }));
  return { removed: false, problems: last.problems ?? [], conflicts };
}

/**
 * Remembers a file as it was before it was read: what it gained meanwhile makes it a changed one. Written only after
 * its entries, so that a record of entries and no log can mean but one thing: the log was removed.
 */
export async function rememberImport(params: RememberParams): Promise<void> {
  const { store, file, key, head, problems, conflicts } = params;
  if ((await store.session(key)) === null) return;
  const { path, size, mtimeMs, metadata } = file;
  const record: ImportRecord = {
    path,
    size,
    mtimeMs,
    head,
    ends: await endsOf(store, key, head),
    metadata,
    problems: problems.slice(0, maxProblems),
    conflicts: conflicts.map(({ line, uuid }) => ({ line, uuid })),
  };
  await store.append({
    log: recordLog(key),
    entries: [{ body: JSON.stringify(record), atMs: mtimeMs }],
  });
}

interface RememberParams {
  readonly store: ImportStore;
  readonly file: TranscriptFile;
  readonly key: LogKey;
  /** The log's head as the import left it. */
  readonly head: number;
  readonly problems: readonly string[];
  readonly conflicts: readonly Conflict[];
}

/**
 * To be called before a log is removed that no import may have seen: the next import then leaves it out. As long as
 * the log is there, which it is after a crash in between, this says nothing.
 */
export async function rememberRemoval(store: ImportStore, key: LogKey): Promise<void> {
  const { committed: head } = await store.read({ log: key, limit: 1 });
  if (head === 0) return;
  try {
    await store.append({ log: recordLog(key), entries: [{ body: JSON.stringify({ head }) }] });
  } catch (error) {
    // The whole session was dropped meanwhile, and with it the log.
    if (!isHoldfastError(error) || error.code !== "session_dropped") throw error;
  }
}

interface ImportRecord extends FileState {
  /** Absent where no file was imported. */
  readonly path?: string;
  /** The log's head after the import: a log that holds less has lost what was imported. */
  readonly head?: number;
  /** Of the log's first entry and the one at `head`: a log that was removed and began anew has others there. */
  readonly ends?: string;
  readonly metadata?: FileState | undefined;
  readonly problems?: readonly string[];
  readonly conflicts?: readonly Omit<Conflict, "file">[];
}

const maxProblems = 100;

// One for each log: a session may have thousands of subagents.
function recordLog({ project, session, log }: LogKey): LogKey {
  return { project, session, log: log === "" ? "@import" : `@import/${log}` };
}

async function endsOf(store: LogStore, log: LogKey, head: number): Promise<string> {
  const first = await store.read({ log, limit: 1 });
  // Backwards: a log that was removed meanwhile has no position that a reader could begin after.
  const last = await store.read({ log, after: head + 1, order: "desc", limit: 1 });
  return blockHash([...first.entries, ...last.entries].map(({ body }) => body));
}

function isSame(one: FileState | undefined, other: FileState | undefined): boolean {
  return one?.size === other?.size && one?.mtimeMs === other?.mtimeMs;
}
