import type { StoredText } from "../checkpoint-store.ts";
import { maxChunkBytes } from "../format/chunks.ts";
import type { ObjectBatch } from "../plumbing/objects.ts";
import { type Asset, isPlaceholder, moveAssets, restoreAssets } from "./assets.ts";
import type { RawBlock } from "./raw-lines.ts";
import type { Redactor } from "./redactor.ts";
import { ResumableSha256 } from "./resumable-sha256.ts";
import { sanitiseLine } from "./sanitise.ts";
import type { StoredAsset, StoredChunk, TextState } from "./text-state.ts";

export interface ChunkWriterParams {
  readonly batch: ObjectBatch;
  readonly redactor: Redactor;
  /** True: pictures stay in their lines. */
  readonly keepsPictures: boolean;
  /** How far it came before. */
  readonly state: TextState | undefined;
  readonly onLine: ((line: string, number: number) => void) | undefined;
}

/** How far a transcript was taken. */
export type Progress = Omit<TextState, "fingerprint" | "generation">;

/** All of a transcript as it is stored now. */
export interface WrittenText {
  /** Undefined where there is not one whole line. */
  readonly text: StoredText | undefined;
  readonly chunks: readonly StoredChunk[];
  readonly lines: number;
  /** True: the last line lacks its end and may go on. */
  readonly isOpen: boolean;
  readonly newBytes: number;
  readonly format: "jsonl" | "document";
  readonly assets: readonly StoredAsset[];
  /** Lines that are too long for a blob and were left out. */
  readonly omitted: readonly { readonly line: number; readonly bytes: number }[];
  readonly progress: Progress;
}

// What is held in memory at once, beside one line that is longer.
const chunkBytes = 8 << 20;

/** Makes chunks of a transcript's lines: sanitised, without pictures, redacted, and no line looked at twice. */
export class ChunkWriter {
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
  #kept: Progress | undefined;
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

  end(): WrittenText {
    this.#cut();
    const chunks = [...this.#chunks];
    const hash = `sha256:${this.#sha256.hex()}`;
    return {
      text:
        chunks.length === 0 ? undefined : { chunks: chunks.map(({ id, bytes }) => ({ id, bytes })), hash },
      chunks,
      lines: this.lines,
      isOpen: this.#kept !== undefined,
      newBytes: this.#newBytes,
      format: this.#format,
      assets: [...this.#assets.values()],
      omitted: this.#omitted,
      progress: this.#kept ?? this.#state(),
    };
  }

  #state(): Progress {
    const assets = [...this.#assets.values()];
    return { ...this.#raw, chunks: [...this.#chunks], sha256: this.#sha256.state(), assets };
  }

  #line(raw: string, encoding: "utf8" | "latin1"): void {
    const line = this.#redacted(sanitiseLine(raw));
    this.#params.onLine?.(line, this.lines);
    const bytes = Buffer.from(encoding === "latin1" ? withoutWide(line) : line, encoding);
    // The marks and placeholders are short, so that a line hardly ever grows; one that does must still fit.
    if (this.#pendingBytes + bytes.length > maxChunkBytes) this.#cut();
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length + 1;
    this.#pendingLines += 1;
    this.lines += 1;
  }

  /** No rule looks into a picture, or into what stands in its place: what it found there would lose it. */
  #redacted(line: string): string {
    const { redactor, keepsPictures } = this.#params;
    const moved = new Map<string, Asset>();
    const bare = moveAssets(line, (asset) => moved.set(asset.name, asset));
    if (moved.size === 0) return redactor.json(bare);
    const redacted = redactor.json(bare, (literal) => isPlaceholder(literal, moved));
    if (keepsPictures) return restoreAssets(redacted, (name) => moved.get(name)?.bytes);
    for (const asset of moved.values()) this.#asset(asset);
    return redacted;
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

/** A text that came from single bytes, and of which some were decoded from escapes. */
function withoutWide(line: string): string {
  return line.replace(/[\u0100-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
