import { open } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "../../core/errors.ts";
import type { StoredText } from "../checkpoint-store.ts";
import type { ObjectBatch, ObjectReader } from "../plumbing/objects.ts";
import { type Asset, moveAssets } from "./assets.ts";
import { mergeSmallChunks } from "./merge-chunks.ts";
import {
  crcOfPrefix,
  fileSource,
  memorySource,
  rawBlocks,
  type RawBlock,
  type RawSource,
} from "./raw-lines.ts";
import type { Redactor } from "./redactor.ts";
import { ResumableSha256 } from "./resumable-sha256.ts";
import { sanitiseLine } from "./sanitise.ts";
import { readDocument } from "./sniff.ts";
import { readState, type StoredAsset, type StoredChunk, type TextState, writeState } from "./text-state.ts";

/** A session's transcript on its way into git: each line is redacted, hashed and compressed once, however many checkpoints hold it. */
export class SessionText {
  readonly #path: string;
  readonly #redactor: Redactor;

  /** `folder` is the session's own, below `<common dir>/holdfast/content/`; it is made when it is needed. */
  constructor({ folder, redactor }: { readonly folder: string; readonly redactor: Redactor }) {
    this.#path = join(folder, "text.json");
    this.#redactor = redactor;
  }

  /**
   * Takes what is new in a transcript. A transcript that did not only grow is taken anew. Blobs go into `batch`, which
   * is flushed now and then, so that memory stays bounded; the caller calls `keep` when all of his own is in it.
   *
   * @throws git_content_invalid
   */
  async take(params: TakeParams): Promise<TakenText> {
    const source = await openSource(params);
    try {
      return await this.#takeFrom(source, params);
    } finally {
      await source.close();
    }
  }

  async #takeFrom(source: RawSource, params: TakeParams): Promise<TakenText> {
    const { objects, batch, final = false, maxLineBytes = maxBlobBytes } = params;
    const known = await this.#continued(source, objects);
    const document = known === undefined ? await readDocument(source, { maxBytes: maxBlobBytes }) : undefined;
    const writer = new ChunkWriter({ batch, redactor: this.#redactor, state: known, onLine: params.onLine });
    const linesBefore = writer.lines;
    if (document !== undefined) writer.document(document);
    else {
      const from = { from: known?.rawBytes ?? 0, crc: known?.rawCrc ?? 0 };
      for await (const block of rawBlocks(source, { ...from, final, maxLineBytes })) await writer.add(block);
    }
    const taken = writer.end();
    const state = { ...taken.state, fingerprint: this.#redactor.fingerprint };
    return {
      ...taken.text,
      newLines: taken.text.lines - linesBefore,
      restarted: known === undefined,
      keep: async () => {
        await batch.flush();
        // A document is a whole each time.
        if (document !== undefined) return;
        const chunks = await mergeSmallChunks(state.chunks, { objects, batch, max: params.maxChunks });
        await writeState(this.#path, { ...state, chunks });
      },
    };
  }

  /** What was taken before, where the transcript has only grown since and all of it is still in the repository. */
  async #continued(source: RawSource, objects: ObjectReader): Promise<TextState | undefined> {
    const state = await readState(this.#path);
    if (state === undefined || state.fingerprint !== this.#redactor.fingerprint) return undefined;
    if (source.size < state.rawBytes || (await crcOfPrefix(source, state.rawBytes)) !== state.rawCrc)
      return undefined;
    for (const { id, ...stored } of [...state.chunks, ...state.assets]) {
      const header = await objects.header(id);
      if (header?.type !== "blob" || header.size !== ("size" in stored ? stored.size : stored.bytes))
        return undefined;
    }
    return state;
  }
}

export interface TakeParams {
  /** The transcript's file, or what it holds. */
  readonly path?: string;
  readonly content?: Buffer;
  /** True: nobody writes it any more, so that a last line without its end is one too. */
  readonly final?: boolean;
  readonly objects: ObjectReader;
  readonly batch: ObjectBatch;
  /** Told of each new line as it is stored, with its number from 0. */
  readonly onLine?: (line: string, number: number) => void;
  readonly maxLineBytes?: number;
  readonly maxChunks?: number;
}

export interface TakenText {
  /** Undefined where there is not one whole line. */
  readonly text: StoredText | undefined;
  readonly chunks: readonly StoredChunk[];
  readonly lines: number;
  readonly newLines: number;
  readonly newBytes: number;
  /** True: taken from its first line on. */
  readonly restarted: boolean;
  readonly format: "jsonl" | "document";
  readonly assets: readonly StoredAsset[];
  /** Lines that are too long for a blob and were left out. */
  readonly omitted: readonly { readonly line: number; readonly bytes: number }[];
  /** Makes the blobs durable and remembers how far the transcript was taken. */
  keep(): Promise<void>;
}

/** The largest file that a checkpoint may hold (section 2). */
export const maxBlobBytes = 52_428_800;

// What is held in memory at once, beside one line that is longer.
const chunkBytes = 8 << 20;

interface ChunkWriterParams {
  readonly batch: ObjectBatch;
  readonly redactor: Redactor;
  readonly state: TextState | undefined;
  readonly onLine: TakeParams["onLine"];
}

interface Ended {
  readonly text: Omit<TakenText, "newLines" | "restarted" | "keep">;
  readonly state: Omit<TextState, "fingerprint">;
}

class ChunkWriter {
  readonly #params: ChunkWriterParams;
  readonly #chunks: StoredChunk[];
  readonly #assets: Map<string, StoredAsset>;
  readonly #omitted: { line: number; bytes: number }[] = [];
  readonly #sha256: ResumableSha256;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #newBytes = 0;
  #pendingLines = 0;
  #format: "jsonl" | "document" = "jsonl";
  #raw: { readonly rawBytes: number; readonly rawCrc: number };
  #kept: Omit<TextState, "fingerprint"> | undefined;
  lines: number;

  constructor(params: ChunkWriterParams) {
    const { state } = params;
    this.#params = params;
    this.#chunks = [...(state?.chunks ?? [])];
    this.#assets = new Map(state?.assets.map((asset) => [asset.name, asset]));
    this.#sha256 = new ResumableSha256(state?.sha256);
    this.#raw = { rawBytes: state?.rawBytes ?? 0, rawCrc: state?.rawCrc ?? 0 };
    this.lines = this.#chunks.reduce((sum, { lines }) => sum + lines, 0);
  }

  async add(block: RawBlock): Promise<void> {
    // A line that lacks its end may go on: the next one who takes it must find it new.
    if (!block.isEnded) {
      this.#cut();
      this.#kept = this.#state();
    }
    for (const line of block.lines) {
      this.#line(block.omittedBytes === undefined ? line : this.#omit(block.omittedBytes), block.encoding);
      if (this.#pendingBytes < chunkBytes) continue;
      this.#cut();
      await this.#params.batch.flush();
    }
    this.#raw = { rawBytes: block.end, rawCrc: block.crc };
  }

  document(text: string): void {
    this.#format = "document";
    this.#line(text, "utf8");
  }

  end(): Ended {
    this.#cut();
    const state = this.#kept ?? this.#state();
    const chunks = [...this.#chunks];
    const hash = `sha256:${this.#sha256.hex()}`;
    const text =
      chunks.length === 0 ? undefined : { chunks: chunks.map(({ id, bytes }) => ({ id, bytes })), hash };
    return {
      text: {
        text,
        chunks,
        lines: this.lines,
        newBytes: this.#newBytes,
        format: this.#format,
        assets: [...this.#assets.values()],
        omitted: this.#omitted,
      },
      state,
    };
  }

  #state(): Omit<TextState, "fingerprint"> {
    const assets = [...this.#assets.values()];
    return { ...this.#raw, chunks: [...this.#chunks], sha256: this.#sha256.state(), assets };
  }

  #line(raw: string, encoding: "utf8" | "latin1"): void {
    const bare = moveAssets(sanitiseLine(raw), (asset) => this.#asset(asset));
    const line = this.#params.redactor.json(bare);
    this.#params.onLine?.(line, this.lines);
    const bytes = Buffer.from(line, encoding);
    // The marks and placeholders are short, so that a line hardly ever grows; one that does must still fit.
    if (this.#pendingBytes + bytes.length > maxBlobBytes) this.#cut();
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length + 1;
    this.#pendingLines += 1;
    this.lines += 1;
  }

  #omit(bytes: number): string {
    this.#omitted.push({ line: this.lines, bytes });
    return JSON.stringify({
      type: "holdfast_omitted",
      reason: "The line is longer than a checkpoint may hold.",
      bytes,
    });
  }

  #asset({ name, mediaType, bytes, sha256 }: Asset): void {
    if (this.#assets.has(name)) return;
    const id = this.#params.batch.blob(bytes);
    this.#assets.set(name, { name, mediaType, size: bytes.length, sha256, id });
    // So that pictures alone cannot fill the memory.
    this.#pendingBytes += bytes.length;
  }

  /** Ends a chunk, where it has any line. */
  #cut(): void {
    if (this.#pendingLines === 0) return;
    const content = this.#pending.length === 1 ? this.#pending[0]! : joinLines(this.#pending);
    if (this.#chunks.length > 0) this.#sha256.update(lineEnd);
    this.#sha256.update(content);
    const id = this.#params.batch.blob(content);
    this.#chunks.push({ id, bytes: content.length, lines: this.#pendingLines });
    this.#newBytes += content.length;
    [this.#pending, this.#pendingBytes, this.#pendingLines] = [[], 0, 0];
  }
}

const lineEnd = Buffer.from("\n");

function joinLines(lines: readonly Buffer[]): Buffer {
  return Buffer.concat(lines.flatMap((line, at) => (at === 0 ? [line] : [lineEnd, line])));
}

interface OpenSource extends RawSource {
  close(): Promise<void>;
}

async function openSource({ path, content }: TakeParams): Promise<OpenSource> {
  if (path === undefined) return { ...memorySource(content ?? Buffer.alloc(0)), close: async () => {} };
  try {
    const file = await open(path, "r");
    const stat = await file.stat();
    if (stat.isFile()) return { ...fileSource(file, stat.size), close: () => file.close() };
    await file.close();
  } catch (cause) {
    throw unreadable(path, cause);
  }
  throw unreadable(path);
}

function unreadable(path: string, cause?: unknown): HoldfastError {
  return new HoldfastError({
    code: "git_content_invalid",
    message: `The transcript ${path} is not a file that can be read.`,
    next: "Check that it is there and may be read; the checkpoint can be written without it.",
    data: { path },
    cause,
  });
}
