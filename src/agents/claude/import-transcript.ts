import { isDeepStrictEqual } from "node:util";
import type { EntryInput } from "../../core/entry.ts";
import { isHoldfastError } from "../../core/errors.ts";
import type { LogKey } from "../../core/ids.ts";
import { blockHash, recordMove } from "../../core/reading-order.ts";
import type { AppendResult } from "../../core/store.ts";
import type { ClaudeEntry } from "./contract.ts";
import { type Conflict, FileProblems } from "./file-problems.ts";
import { readMetadata, type TranscriptFile } from "./find-transcripts.ts";
import { makeImportFold } from "./fold.ts";
import { importedBefore, type ImportStore, rememberImport } from "./import-record.ts";
import { StoredTranscript, timeOf } from "./stored-transcript.ts";
import { neutralOf } from "./told-folders.ts";
import { noTitles, titlePartOf, withTitlePart } from "./title.ts";
import { type ObjectLine, readLineAt, readTranscript, type TranscriptLine } from "./transcript-lines.ts";

/** What came of one file. */
export interface TranscriptResult {
  readonly entries: number;
  readonly duplicates: number;
  /** Blocks that belong before what the log held already, and are read there. */
  readonly moved: number;
  readonly problems: readonly string[];
  readonly conflicts: readonly Conflict[];
  readonly unchanged: boolean;
  /** The log was removed since it was imported, and is left so. */
  readonly removed: boolean;
}

/** Brings one file's lines into its log; running it again adds only what is new. */
export async function importTranscript(params: ImportTranscriptParams): Promise<TranscriptResult> {
  const { store, file, key, recheck = false, restoreDropped = false } = params;
  const before = await importedBefore(store, file, key);
  const isRemoved = before?.removed === true;
  if (before !== undefined && (isRemoved ? !restoreDropped : !recheck))
    return { entries: 0, duplicates: 0, moved: 0, ...before, unchanged: !isRemoved };
  const { head, ...result } = await importWhole(params);
  await rememberImport({ store, file, key, head, ...result });
  return result;
}

export interface ImportTranscriptParams {
  readonly store: ImportStore;
  readonly file: TranscriptFile;
  readonly key: LogKey;
  readonly restoreDropped?: boolean;
  readonly recheck?: boolean;
  readonly onBytes?: (bytes: number) => void;
}

const maxAttempts = 20;
// A longer block is stored in parts, so that memory stays small.
const maxBlockLength = 32 << 20;

interface WholeResult extends TranscriptResult {
  readonly head: number;
}

/** Another writer may append meanwhile: what counts as new is then decided again from the start. */
async function importWhole(params: ImportTranscriptParams): Promise<WholeResult> {
  const { store, key, restoreDropped = false } = params;
  const onBytes = onlyNew(params.onBytes);
  let [entries, moved] = [0, 0];
  for (let attempt = 1; ; attempt += 1) {
    const one = new TranscriptImport({ ...params, onBytes: onBytes() });
    try {
      await one.run();
    } catch (error) {
      if (!isHoldfastError(error) || error.code !== "head_conflict" || attempt === maxAttempts) throw error;
      const { committed } = await store.read({ log: key, limit: 1 });
      // To begin again would bring back what someone has removed at this moment.
      const removed = committed === 0 && one.result.head > 0 && !restoreDropped;
      if (removed) return { ...one.result, entries: 0, duplicates: 0, moved: 0, removed };
      entries += one.result.entries;
      moved += one.result.moved;
      continue;
    }
    // What an earlier attempt stored, the last one found there.
    const duplicates = Math.max(0, one.result.duplicates - entries);
    return {
      ...one.result,
      duplicates,
      entries: entries + one.result.entries,
      moved: moved + one.result.moved,
    };
  }
}

/** Listeners for attempts that read the same file: bytes that are read again are not told again. */
function onlyNew(onBytes: (bytes: number) => void = () => undefined): () => (bytes: number) => void {
  let told = 0;
  return () => {
    let read = 0;
    return (bytes) => {
      read += bytes;
      if (read > told) onBytes(read - told);
      told = Math.max(told, read);
    };
  };
}

class TranscriptImport {
  readonly #params: ImportTranscriptParams;
  readonly #problems: FileProblems;
  readonly #counts = { entries: 0, duplicates: 0, moved: 0 };
  /** Where the file has each uuid first, in bytes. */
  readonly #firsts = new Map<string, number>();
  /** Undefined where the log was empty: then the file's order is the log's, and nothing need be held in memory. */
  #stored: StoredTranscript | undefined;
  #head = 0;
  #titles = noTitles;
  /** The seq of the last line that the log holds, in the order of the file. */
  #predecessor = 0;
  #atMs = 0;
  /** Lines that the log lacks, until it is known what follows them: where they belong depends on it. */
  #block: ObjectLine[] = [];
  #blockLength = 0;

  constructor(params: ImportTranscriptParams) {
    this.#params = params;
    this.#problems = new FileProblems(params.file.path);
  }

  /** What has come of it so far. */
  get result(): WholeResult {
    const { sentences: problems, conflicts } = this.#problems;
    return { ...this.#counts, problems, conflicts, unchanged: false, removed: false, head: this.#head };
  }

  async run(): Promise<void> {
    const { store, file, key, onBytes } = this.#params;
    const stored = await StoredTranscript.read(store, key, await neutralOf(store, key, file));
    this.#head = stored.head;
    this.#stored = stored.head === 0 ? undefined : stored;
    for (const { lines, bytes } of readTranscript(file.path)) {
      await this.#take(lines);
      onBytes?.(bytes);
    }
    if (this.#stored !== undefined) await this.#endBlock(this.#stored, undefined);
    const problems: string[] = [];
    const metadata = readMetadata(file, problems);
    this.#problems.add(problems);
    if (metadata !== undefined) await this.#takeMetadata(metadata);
  }

  async #take(lines: readonly TranscriptLine[]): Promise<void> {
    const objects = lines.flatMap((line) => this.#sound(line));
    // The first lines carry no time of their own: they are as old as the first that does.
    this.#atMs ||= firstTime(objects) ?? this.#params.file.mtimeMs;
    if (this.#stored === undefined) {
      this.#titles = objects
        .map(({ entry }) => titlePartOf(entry as ClaudeEntry))
        .reduce(withTitlePart, this.#titles);
      return await this.#append(objects);
    }
    await this.#takeNew(objects, this.#stored);
  }

  /** Appends what the log lacks, block by block: a block ends where a line comes that the log holds. */
  async #takeNew(lines: readonly ObjectLine[], stored: StoredTranscript): Promise<void> {
    for (const line of lines) {
      const seq = stored.find(line);
      if (seq === undefined) {
        this.#block.push(line);
        this.#blockLength += line.body.length;
        continue;
      }
      this.#counts.duplicates += 1;
      if (seq === 0) continue;
      if (stored.mayDiffer(seq, line)) await this.#compare(seq, line);
      await this.#endBlock(stored, seq);
      this.#predecessor = seq;
    }
    if (this.#blockLength > maxBlockLength) await this.#endBlock(stored, undefined);
  }

  async #endBlock(stored: StoredTranscript, successor: number | undefined): Promise<void> {
    const block = this.#block;
    this.#block = [];
    this.#blockLength = 0;
    await this.#appendBlock(block, stored, successor);
  }

  async #appendBlock(block: readonly ObjectLine[], stored: StoredTranscript, successor: number | undefined) {
    if (block.length === 0) return;
    const { store, key } = this.#params;
    const place = { predecessor: this.#predecessor, successor, atMs: firstTime(block) };
    const neverMirrored = block.every(isNeverMirrored);
    const after = neverMirrored ? undefined : stored.placeAfter(place);
    const [from, to] = [this.#head + 1, this.#head + block.length];
    if (after !== undefined) {
      const hash = blockHash(block.map(({ body }) => body));
      await recordMove(store, key, { log: key.log, after, from, to, hash });
    }
    stored.add(block, after);
    this.#titles = stored.titles;
    await this.#append(block);
    if (after !== undefined) this.#counts.moved += 1;
    // It stands at the log's end: what follows it in the file does not belong there.
    if (!neverMirrored) this.#predecessor = to;
  }

  async #append(lines: readonly ObjectLine[]): Promise<void> {
    const { store, key, restoreDropped = false } = this.#params;
    const result: AppendResult = await store.append({
      log: key,
      entries: lines.map((line) => this.#toInput(line)),
      expectHead: this.#head,
      provider: "claude-code",
      fold: makeImportFold(this.#titles),
      ...(restoreDropped ? { reopen: "any" as const } : {}),
    });
    this.#head = result.committed;
    this.#counts.entries += result.appended;
    this.#counts.duplicates += result.duplicates;
  }

  async #takeMetadata(metadata: Pick<ObjectLine, "body" | "entry">): Promise<void> {
    const { store, key } = this.#params;
    const line = { ...metadata, line: 0, offset: 0, uuid: undefined };
    const stored = await StoredTranscript.read(store, key);
    if (stored.head === 0 || stored.find(line) !== undefined) return;
    await this.#append([line]);
  }

  #toInput({ body, uuid, entry }: ObjectLine): EntryInput {
    return { body, uuid, atMs: (this.#atMs = timeOf(entry) ?? this.#atMs) };
  }

  /** A line that can be stored and came not before in this file; what is lost with the others is told. */
  #sound(line: TranscriptLine): ObjectLine[] {
    if ("fault" in line) {
      this.#problems.tell(line.line, faults[line.fault]);
      return [];
    }
    const { uuid } = line;
    if (uuid === undefined) return [line];
    const first = this.#firsts.get(uuid);
    if (first === undefined) {
      this.#firsts.set(uuid, line.offset);
      return [line];
    }
    this.#counts.duplicates += 1;
    if (!isSame(readLineAt(this.#params.file.path, first), line))
      this.#problems.conflict({ line: line.line, uuid }, "came before");
    return [];
  }

  /** Tells of a line that the log holds with another content, which a resume then shows. */
  async #compare(seq: number, line: ObjectLine): Promise<void> {
    const { store, key } = this.#params;
    const { entries } = await store.read({ log: key, after: seq + 1, order: "desc", limit: 1 });
    const [found] = entries;
    if (found?.seq !== seq || found.uuid === undefined) return;
    const entry = JSON.parse(found.body) as ObjectLine["entry"];
    if (!isSame({ body: found.body, entry }, line))
      this.#problems.conflict({ line: line.line, uuid: found.uuid }, "is in the store");
  }
}

const faults = {
  torn: "the last line was cut short and left out.",
  corrupt: "the line is not a JSON object in UTF-8 and was left out.",
} as const;

type Content = Pick<ObjectLine, "body" | "entry">;

// Two that differ too deep to be compared count as different: the report is then one too many, and nothing is lost.
function isSame(one: Content | undefined, other: Content): boolean {
  if (one === undefined || one.body === other.body) return one !== undefined;
  try {
    return isDeepStrictEqual(one.entry, other.entry);
  } catch {
    return false;
  }
}

// Claude Code writes these to its files alone: where they are read does not matter to any resume.
function isNeverMirrored({ entry }: ObjectLine): boolean {
  return typeof entry["type"] === "string" && entry["type"].startsWith("api-request");
}

function firstTime(lines: readonly ObjectLine[]): number | undefined {
  for (const { entry } of lines) {
    const atMs = timeOf(entry);
    if (atMs !== undefined) return atMs;
  }
  return undefined;
}
