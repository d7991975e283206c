import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "../../core/errors.ts";
import { maxChunkBytes } from "../format/chunks.ts";
import type { ObjectBatch, ObjectReader } from "../plumbing/objects.ts";
import { ChunkWriter, type WrittenText } from "./chunk-writer.ts";
import { mergeSmallChunks } from "./merge-chunks.ts";
import { crcOfPrefix, fileSource, memorySource, rawBlocks, type RawSource } from "./raw-lines.ts";
import type { Redactor } from "./redactor.ts";
import { readDocument } from "./sniff.ts";
import { readState, type TextState, writeState } from "./text-state.ts";

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
    const { objects, batch, final = false, maxLineBytes = maxChunkBytes } = params;
    const { keepsPictures = false } = params;
    const fingerprint = `${this.#redactor.fingerprint}${keepsPictures ? " with pictures" : ""}`;
    const known = await this.#continued(source, { objects, fingerprint });
    const document =
      known === undefined ? await readDocument(source, { maxBytes: maxChunkBytes }) : undefined;
    const redactor = this.#redactor;
    const writer = new ChunkWriter({ batch, redactor, keepsPictures, state: known, onLine: params.onLine });
    const linesBefore = writer.lines;
    if (document !== undefined) writer.document(document);
    else {
      const from = { from: known?.rawBytes ?? 0, crc: known?.rawCrc ?? 0 };
      for await (const block of rawBlocks(source, { ...from, final, maxLineBytes })) await writer.add(block);
    }
    const { progress, ...taken } = writer.end();
    const generation = known?.generation ?? randomUUID();
    const state = { ...progress, generation, fingerprint };
    return {
      ...taken,
      newLines: taken.lines - linesBefore,
      restarted: known === undefined,
      generation,
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
  async #continued(
    source: RawSource,
    { objects, fingerprint }: { readonly objects: ObjectReader; readonly fingerprint: string },
  ): Promise<TextState | undefined> {
    const state = await readState(this.#path);
    if (state === undefined || state.fingerprint !== fingerprint) return undefined;
    if (source.size < state.rawBytes) return undefined;
    const stored = [...state.chunks, ...state.assets.map(({ id, size }) => ({ id, bytes: size }))];
    // Asked all at once: each answer takes a process's turn.
    const headers = Promise.all(stored.map(({ id }) => objects.header(id)));
    const [crc, found] = await Promise.all([crcOfPrefix(source, state.rawBytes), headers]);
    const isThere = stored.every(({ bytes }, at) => found[at]?.type === "blob" && found[at].size === bytes);
    if (crc !== state.rawCrc || !isThere) return undefined;
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
  /** True: pictures stay in their lines, because there is no place for assets beside them. */
  readonly keepsPictures?: boolean;
  /** Told of each new line as it is stored, with its number from 0. */
  readonly onLine?: (line: string, number: number) => void;
  readonly maxLineBytes?: number;
  readonly maxChunks?: number;
}

export interface TakenText extends Omit<WrittenText, "progress"> {
  readonly newLines: number;
  /** True: taken from its first line on. */
  readonly restarted: boolean;
  /** Changes when the transcript is taken anew. */
  readonly generation: string;
  /** Makes the blobs durable and remembers how far the transcript was taken. */
  keep(): Promise<void>;
}

interface OpenSource extends RawSource {
  close(): Promise<void>;
}

async function openSource({ path, content }: TakeParams): Promise<OpenSource> {
  if (path === undefined) return { ...memorySource(content ?? Buffer.alloc(0)), close: async () => {} };
  try {
    // A pipe that somebody put there would be waited for.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
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
