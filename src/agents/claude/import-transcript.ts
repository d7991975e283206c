import type { EntryInput } from "../../core/entry.ts";
import { isHoldfastError } from "../../core/errors.ts";
import type { LogKey } from "../../core/ids.ts";
import { blockHash, recordMove } from "../../core/reading-order.ts";
import type { AppendResult, Store } from "../../core/store.ts";
import { readMetadata, type TranscriptFile } from "./find-transcripts.ts";
import { makeFold } from "./fold.ts";
import { importedBefore, rememberImport } from "./import-record.ts";
import { StoredTranscript, timeOf } from "./stored-transcript.ts";
import { type ObjectLine, readTranscript, type TranscriptLine } from "./transcript-lines.ts";

/** What came of one file. */
export interface TranscriptResult {
  readonly entries: number;
  readonly duplicates: number;
  /** Blocks that belong before what the log held already, and are read there. */
  readonly moved: number;
  readonly problems: readonly string[];
  readonly unchanged: boolean;
}

/** Brings one file's lines into its log; running it again adds only what is new. */
export async function importTranscript(params: ImportTranscriptParams): Promise<TranscriptResult> {
  const { store, file, key, recheck = false } = params;
  const earlier = recheck ? undefined : await importedBefore(store, file, key);
  if (earlier !== undefined)
    return { entries: 0, duplicates: 0, moved: 0, problems: earlier, unchanged: true };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const result = await new TranscriptImport(params).run();
      await rememberImport(store, file, key, result.problems);
      return result;
    } catch (error) {
      // Another writer appended meanwhile: what counts as new is decided again from the start.
      if (!isHoldfastError(error) || error.code !== "head_conflict" || attempt === maxAttempts) throw error;
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

const maxAttempts = 20;

class TranscriptImport {
  readonly #params: ImportTranscriptParams;
  readonly #problems: string[] = [];
  readonly #lengths = new Map<string, number>();
  /** Undefined where the log was empty: then the file's order is the log's, and nothing need be held in memory. */
  #stored: StoredTranscript | undefined;
  #head = 0;
  /** The seq of the last line that the log holds, in the order of the file. */
  #predecessor = 0;
  #counts = { entries: 0, duplicates: 0, moved: 0 };
  #atMs = 0;

  constructor(params: ImportTranscriptParams) {
    this.#params = params;
  }

  async run(): Promise<TranscriptResult> {
    const { store, file, key, onBytes } = this.#params;
    const stored = await StoredTranscript.read(store, key);
    this.#head = stored.head;
    this.#stored = stored.head === 0 ? undefined : stored;
    for (const { lines, bytes } of readTranscript(file.path)) {
      await this.#take(lines);
      onBytes?.(bytes);
    }
    const metadata = readMetadata(file, this.#problems);
    if (metadata !== undefined) await this.#takeMetadata(metadata);
    return { ...this.#counts, problems: this.#problems, unchanged: false };
  }

  async #take(lines: readonly TranscriptLine[]): Promise<void> {
    const objects = lines.flatMap((line) => this.#sound(line));
    // The first lines carry no time of their own: they are as old as the first that does.
    this.#atMs ||= firstTime(objects) ?? this.#params.file.mtimeMs;
    if (this.#stored === undefined) return await this.#append(objects);
    await this.#takeNew(objects, this.#stored);
  }

  /** Appends what the log lacks, block by block: a block ends where a line comes that the log holds. */
  async #takeNew(lines: readonly ObjectLine[], stored: StoredTranscript): Promise<void> {
    let block: ObjectLine[] = [];
    for (const line of lines) {
      const seq = stored.find(line);
      if (seq === undefined) {
        block.push(line);
        continue;
      }
      this.#counts.duplicates += 1;
      if (seq === 0) continue;
      await this.#appendBlock(block, stored, seq);
      block = [];
      this.#predecessor = seq;
    }
    await this.#appendBlock(block, stored, undefined);
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
      this.#counts.moved += 1;
    }
    await this.#append(block);
    stored.add(block, after);
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
      fold: makeFold({ projectKey: key.project, sessionId: key.session }, undefined),
      ...(restoreDropped ? { reopen: "any" as const } : {}),
    });
    this.#head = result.committed;
    this.#counts.entries += result.appended;
    this.#counts.duplicates += result.duplicates;
  }

  async #takeMetadata(entry: Readonly<Record<string, unknown>>): Promise<void> {
    const { store, key } = this.#params;
    const stored = await StoredTranscript.read(store, key);
    if (stored.head === 0 || stored.find({ entry, uuid: undefined }) !== undefined) return;
    await this.#append([{ line: 0, body: JSON.stringify(entry), entry, uuid: undefined }]);
  }

  #toInput({ body, uuid, entry }: ObjectLine): EntryInput {
    return { body, uuid, atMs: (this.#atMs = timeOf(entry) ?? this.#atMs) };
  }

  /** A line that can be stored; of the others the report tells. */
  #sound(line: TranscriptLine): ObjectLine[] {
    const { path } = this.#params.file;
    if ("fault" in line) {
      this.#problems.push(`${path}:${line.line}: ${faults[line.fault]}`);
      return [];
    }
    if (line.uuid === undefined) return [line];
    // By length alone: a hash of every line would cost as much as reading the file.
    const { length } = line.body;
    const first = this.#lengths.get(line.uuid) ?? length;
    this.#lengths.set(line.uuid, first);
    if (first !== length)
      this.#problems.push(
        `${path}:${line.line}: ${line.uuid} came before with another content, which is kept.`,
      );
    return [line];
  }
}

const faults = {
  torn: "the last line was cut short and left out.",
  corrupt: "the line is not a JSON object in UTF-8 and was left out.",
} as const;

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
