import { createHash } from "node:crypto";
import { type EntryInput, isUuid } from "../../core/entry.ts";
import { isHoldfastError } from "../../core/errors.ts";
import type { LogKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import type { TranscriptFile } from "./find-transcripts.ts";
import { makeFold } from "./fold.ts";
import { readTranscript, type TranscriptLine } from "./transcript-lines.ts";

/** What came of one file. */
export interface TranscriptResult {
  readonly entries: number;
  readonly duplicates: number;
  readonly problems: readonly string[];
  readonly unchanged: boolean;
}

/** Brings one file's lines into its log; running it again adds only what is new. */
export async function importTranscript(params: ImportTranscriptParams): Promise<TranscriptResult> {
  const { store, file, key, recheck = false } = params;
  if (!recheck && (await wasImported(store, file, key))) return { ...nothing, unchanged: true };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const result = await importOnce(params);
      await remember(store, file, key);
      return result;
    } catch (error) {
      // Another writer appended meanwhile: what counts as new is decided again from the start.
      if (!isHoldfastError(error) || error.code !== "head_conflict" || attempt === 5) throw error;
    }
  }
}

export interface ImportTranscriptParams {
  readonly store: Store;
  readonly file: TranscriptFile;
  readonly key: LogKey;
  readonly restoreDropped?: boolean;
  readonly recheck?: boolean;
  readonly onBytes?: (bytes: number) => void;
}

const nothing = { entries: 0, duplicates: 0, problems: [], unchanged: false } as const;

async function importOnce({
  store,
  file,
  key,
  restoreDropped = false,
  onBytes,
}: ImportTranscriptParams): Promise<TranscriptResult> {
  const stored = await keylessContents(store, key);
  const seen = new Map<string, number>();
  const problems: string[] = [];
  let { committed: head } = await store.read({ log: key, limit: 1 });
  let [entries, duplicates, atMs] = [0, 0, 0];
  for (const lines of readTranscript(file.path)) {
    const inputs: EntryInput[] = [];
    // The first lines carry no time of their own: they are as old as the first that does.
    atMs ||= firstTime(lines) ?? file.mtimeMs;
    for (const line of lines) {
      if ("fault" in line) problems.push(problemOf(file.path, line));
      else if (line.uuid === undefined && isStored(line.entry, stored, seen)) duplicates += 1;
      else
        inputs.push({
          body: line.body,
          uuid: line.uuid,
          atMs: (atMs = timeOf(line.entry) ?? atMs),
        });
    }
    const fold = makeFold({ projectKey: key.project, sessionId: key.session }, undefined);
    const reopen = restoreDropped ? { reopen: "any" as const } : {};
    const result = await store.append({
      log: key,
      entries: inputs,
      expectHead: head,
      provider: "claude-code",
      fold,
      ...reopen,
    });
    head = result.committed;
    entries += result.appended;
    duplicates += result.duplicates;
    onBytes?.(lines.reduce((sum, line) => sum + ("body" in line ? Buffer.byteLength(line.body) + 1 : 0), 0));
  }
  return { entries, duplicates, problems, unchanged: false };
}

/** How often the log holds each entry that has no uuid: those are told apart by content, on import only. */
async function keylessContents(store: Store, key: LogKey): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for await (const piece of store.scan({ log: key })) {
    for (const body of piece) {
      const entry = JSON.parse(body) as { readonly uuid?: unknown };
      if (isUuid(entry.uuid)) continue;
      const hash = hashOf(entry);
      counts.set(hash, (counts.get(hash) ?? 0) + 1);
    }
  }
  return counts;
}

// The nth equal line is new only if the log holds fewer than n of it: a file may rightly repeat itself.
function isStored(entry: object, stored: ReadonlyMap<string, number>, seen: Map<string, number>): boolean {
  if (stored.size === 0) return false;
  const hash = hashOf(entry);
  const nth = (seen.get(hash) ?? 0) + 1;
  seen.set(hash, nth);
  return nth <= (stored.get(hash) ?? 0);
}

// Over the parsed form: a mirror and a file may write the same object with other white space.
function hashOf(entry: object): string {
  return createHash("sha256").update(JSON.stringify(entry)).digest("base64").slice(0, 24);
}

function firstTime(lines: readonly TranscriptLine[]): number | undefined {
  for (const line of lines) {
    const atMs = "entry" in line ? timeOf(line.entry) : undefined;
    if (atMs !== undefined) return atMs;
  }
  return undefined;
}

function timeOf(entry: Readonly<Record<string, unknown>>): number | undefined {
  const { timestamp } = entry;
  const atMs = typeof timestamp === "string" ? Date.parse(timestamp) : Number.NaN;
  return Number.isSafeInteger(atMs) && atMs >= 0 ? atMs : undefined;
}

function problemOf(path: string, { line, fault }: TranscriptLine & { readonly fault: string }): string {
  if (fault === "torn") return `${path}:${line}: the last line was cut short and left out.`;
  return `${path}:${line}: the line is not a JSON object and was left out.`;
}

interface ImportRecord {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number;
}

async function wasImported(store: Store, file: TranscriptFile, key: LogKey): Promise<boolean> {
  const { entries } = await store.read({ log: { ...key, log: "@import" }, order: "desc", limit: 1000 });
  const records = entries.map(({ body }) => JSON.parse(body) as ImportRecord);
  const last = records.find(({ path }) => path === file.path);
  return last !== undefined && last.size === file.size && last.mtimeMs === file.mtimeMs;
}

async function remember(store: Store, { path, size, mtimeMs }: TranscriptFile, key: LogKey): Promise<void> {
  const record: ImportRecord = { path, size, mtimeMs };
  if ((await store.session(key)) === null) return;
  await store.append({
    log: { ...key, log: "@import" },
    entries: [{ body: JSON.stringify(record), atMs: mtimeMs }],
  });
}
