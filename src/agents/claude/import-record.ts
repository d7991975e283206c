import type { LogKey } from "../../core/ids.ts";
import { blockHash } from "../../core/reading-order.ts";
import type { Store } from "../../core/store.ts";
import type { FileState, TranscriptFile } from "./find-transcripts.ts";

/** What an earlier import of a file found wrong with it; undefined where the file or its log has changed since. */
export async function importedBefore(
  store: Store,
  file: TranscriptFile,
  key: LogKey,
): Promise<readonly string[] | undefined> {
  const { committed } = await store.read({ log: key, limit: 1 });
  const { entries } = await store.read({ log: recordLog(key), order: "desc", limit: 1000 });
  const records = entries.map(({ body }) => JSON.parse(body) as ImportRecord);
  const last = records.find(({ path }) => path === file.path);
  if (last?.head === undefined || committed < last.head) return undefined;
  const same = isSame(last, file) && isSame(last.metadata, file.metadata);
  return same && last.ends === (await endsOf(store, key, last.head)) ? (last.problems ?? []) : undefined;
}

/** Remembers a file as it was before it was read: what it gained meanwhile makes it a changed one. */
export async function rememberImport(
  store: Store,
  file: TranscriptFile,
  key: LogKey,
  problems: readonly string[],
): Promise<void> {
  if ((await store.session(key)) === null) return;
  const { path, size, mtimeMs, metadata } = file;
  const { committed: head } = await store.read({ log: key, limit: 1 });
  const record: ImportRecord = {
    path,
    size,
    mtimeMs,
    head,
    ends: await endsOf(store, key, head),
    metadata,
    problems: problems.slice(0, maxProblems),
  };
  await store.append({
    log: recordLog(key),
    entries: [{ body: JSON.stringify(record), atMs: mtimeMs }],
  });
}

interface ImportRecord extends FileState {
  readonly path: string;
  /** The log's head after the import: a log that holds less has lost what was imported. */
  readonly head?: number;
  /** Of the log's first entry and the one at `head`: a log that was removed and began anew has others there. */
  readonly ends?: string;
  readonly metadata?: FileState | undefined;
  readonly problems?: readonly string[];
}

const maxProblems = 100;

// One for each log: a session may have thousands of subagents.
function recordLog({ project, session, log }: LogKey): LogKey {
  return { project, session, log: log === "" ? "@import" : `@import/${log}` };
}

async function endsOf(store: Store, log: LogKey, head: number): Promise<string> {
  const first = await store.read({ log, limit: 1 });
  const last = await store.read({ log, after: Math.max(0, head - 1), limit: 1 });
  return blockHash([...first.entries, ...last.entries].map(({ body }) => body));
}

function isSame(one: FileState | undefined, other: FileState | undefined): boolean {
  return one?.size === other?.size && one?.mtimeMs === other?.mtimeMs;
}
