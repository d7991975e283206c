import { isUtf8 } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";

/** Where raw bytes come from: a file that may still grow, or bytes in memory. */
export interface RawSource {
  readonly size: number;
  /** Up to `maxBytes` from `at`; fewer at the end. They may lie in `into`, which then holds as many. */
  read(at: number, maxBytes: number, into?: Buffer): Promise<Buffer>;
}

/** Complete lines in their order. */
export interface RawBlock {
  readonly lines: readonly string[];
  readonly encoding: "utf8" | "latin1";
  /** How many bytes of the source are behind it, and their CRC-32. */
  readonly end: number;
  readonly crc: number;
  /** Whether a line break ends it: not so of the last line of a file that is final. */
  readonly isEnded: boolean;
  /** The length of a line that is too long and is left out; then it is the block's only one. */
  readonly omittedBytes?: number;
}

export function fileSource(file: FileHandle, size: number): RawSource {
  return {
    size,
    read: async (at, maxBytes, into) => {
      const bytes = Math.max(0, Math.min(maxBytes, size - at));
      const buffer = into === undefined ? Buffer.allocUnsafe(bytes) : into.subarray(0, bytes);
      let got = 0;
      while (got < buffer.length) {
        const { bytesRead } = await file.read(buffer, got, buffer.length - got, at + got);
        if (bytesRead === 0) break;
        got += bytesRead;
      }
      return buffer.subarray(0, got);
    },
  };
}

export function memorySource(content: Buffer): RawSource {
  return { size: content.length, read: async (at, maxBytes) => content.subarray(at, at + maxBytes) };
}

/**
 * The CRC-32 of the first bytes. It can be continued, and costs a tenth of a hash: it tells a file that was rewritten
 * from one that grew, and no harm is done to anyone who makes one that fits.
 */
export async function crcOfPrefix(source: RawSource, length: number): Promise<number> {
  // Memory that is touched for the first time costs as much as what is read into it.
  const buffer = Buffer.allocUnsafe(Math.min(prefixBytes, length));
  let crc = 0;
  for (let at = 0; at < length;) {
    const block = await source.read(at, Math.min(buffer.length, length - at), buffer);
    if (block.length === 0) return -1;
    crc = crc32(block, crc);
    at += block.length;
  }
  return crc;
}

/** Reads lines from a place on; a last line without its end only where `final`. */
export async function* rawBlocks(source: RawSource, params: RawBlocksParams): AsyncGenerator<RawBlock> {
  const { from, final, maxLineBytes } = params;
  let crc = params.crc;
  let rest = new Rest(maxLineBytes);
  let at = from;
  while (at < source.size) {
    const block = await source.read(at, readBytes);
    if (block.length === 0) break;
    const end = block.lastIndexOf(newline) + 1;
    if (end > 0) {
      crc = crc32(block.subarray(0, end), crc);
      const first = rest.bytes > 0 ? block.indexOf(newline) + 1 : 0;
      if (first > 0) yield { ...rest.with(block.subarray(0, first)), end: at + end, crc, isEnded: true };
      if (first < end)
        yield { ...linesOf(block.subarray(first, end - 1)), end: at + end, crc, isEnded: true };
      rest = new Rest(maxLineBytes);
    }
    crc = crc32(block.subarray(end), crc);
    rest.add(block.subarray(end));
    at += block.length;
  }
  if (final && rest.bytes > 0) yield { ...rest.with(Buffer.alloc(0)), end: at, crc, isEnded: false };
}

export interface RawBlocksParams {
  readonly from: number;
  /** Of what is before it. */
  readonly crc: number;
  readonly final: boolean;
  readonly maxLineBytes: number;
}

type Lines = Pick<RawBlock, "lines" | "encoding" | "omittedBytes">;

const newline = 0x0a;
const readBytes = 4 << 20;
const prefixBytes = 1 << 20;

/** The beginning of a line whose end was not read yet; of one that is too long only its length. */
class Rest {
  bytes = 0;
  #parts: Buffer[] = [];
  readonly #maxBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(part: Buffer): void {
    if (part.length === 0) return;
    this.bytes += part.length;
    if (this.bytes > this.#maxBytes) this.#parts = [];
    // A part of the block would keep all of it.
    else this.#parts.push(part.length < readBytes / 2 ? Buffer.from(part) : part);
  }

  /** The whole line. */
  with(end: Buffer): Lines {
    const bytes = this.bytes + end.length;
    if (bytes > this.#maxBytes) return { lines: [""], encoding: "utf8", omittedBytes: bytes };
    const line = Buffer.concat([...this.#parts, end]);
    return linesOf(line.at(-1) === newline ? line.subarray(0, -1) : line);
  }
}

function linesOf(bytes: Buffer): Lines {
  // What is no UTF-8 keeps its bytes too.
  const encoding = isUtf8(bytes) ? "utf8" : "latin1";
  return { lines: bytes.toString(encoding).split("\n"), encoding };
}
