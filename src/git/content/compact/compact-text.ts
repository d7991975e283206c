import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Fields, objectIn } from "../../../core/json.ts";
import { replaceFile } from "../text-state.ts";
import type { CompactSource } from "./lines.ts";
import { compactSourceNamed, compactSourceOf } from "./sources.ts";
import { type CompactLine, CompactWriter } from "./write.ts";

/** The compact transcript of one session: what is finished of it is kept in the session's folder and not made again. */
export class CompactText {
  readonly #path: string;
  readonly #cliVersion: string;

  constructor({ folder, cliVersion }: { readonly folder: string; readonly cliVersion: string }) {
    this.#path = join(folder, "compact.jsonl");
    this.#cliVersion = cliVersion;
  }

  /** Undefined where no line is a message of an agent that is known, and above 50 MB (section 2). */
  async write({ lines, key }: CompactParams): Promise<CompactWritten | undefined> {
    const known = await this.#known(key);
    const whole = new Growing(known);
    let writer = known === undefined ? undefined : this.#writer(known.agent);
    let number = known?.source ?? 0;
    for await (const line of lines(number)) {
      writer ??= this.#sniffed(line);
      // Lines of state before the first message bring nothing.
      if (writer === undefined && number > maxSniffedLines) return undefined;
      if (writer !== undefined) whole.add(writer.add(line, number));
      if (whole.bytes > maxCompactBytes) return undefined;
      number += 1;
    }
    const held = writer?.held() ?? [];
    const content = whole.with(held);
    if (writer === undefined || held.length === 0 || content.length > maxCompactBytes) return undefined;
    const { agent } = writer;
    const state = {
      version: stateVersion,
      key,
      agent,
      cliVersion: this.#cliVersion,
      source: held[0]!.source,
    };
    return { content, lines: whole.lines + held.length, keep: () => this.#keep(state, whole) };
  }

  #writer(source: CompactSource): CompactWriter {
    return new CompactWriter({ source, cliVersion: this.#cliVersion });
  }

  #sniffed(line: string): CompactWriter | undefined {
    const source = compactSourceOf(line);
    return source === undefined ? undefined : this.#writer(source);
  }

  async #keep(state: Fields, whole: Growing): Promise<void> {
    const head = Buffer.from(`${JSON.stringify({ ...state, lines: whole.lines, bytes: whole.bytes })}\n`);
    await replaceFile(this.#path, Buffer.concat([head, whole.finished()]));
  }

  async #known(key: string): Promise<Known | undefined> {
    const content = await readKept(this.#path);
    const end = content?.indexOf("\n") ?? -1;
    if (content === undefined || end === -1) return undefined;
    const state = objectIn(content.toString("utf8", 0, end)) ?? {};
    const finished = content.subarray(end + 1);
    const agent = compactSourceNamed(state["agent"]);
    const { source, lines } = state;
    const isOurs =
      state["version"] === stateVersion && state["key"] === key && state["cliVersion"] === this.#cliVersion;
    if (!isOurs || agent === undefined || state["bytes"] !== finished.length) return undefined;
    return isCount(source) && isCount(lines) ? { agent, source, lines, finished } : undefined;
  }
}

export interface CompactParams {
  /** Redacted lines of the transcript from a number on. */
  readonly lines: (from: number) => AsyncIterable<string> | Iterable<string>;
  /** Of the rules that redacted the lines and of a transcript that only grew: what came of others is not kept. */
  readonly key: string;
}

export interface CompactWritten {
  /** Never in pieces, and without a last newline. */
  readonly content: Buffer;
  readonly lines: number;
  /** Remembers what is finished; called when the checkpoint is written. */
  keep(): Promise<void>;
}

interface Known {
  readonly agent: CompactSource;
  readonly source: number;
  readonly lines: number;
  readonly finished: Buffer;
}

const maxCompactBytes = 50_000_000;
const maxSniffedLines = 1000;
const stateVersion = 1;

/** Finished lines, each with its end. */
class Growing {
  readonly #parts: Buffer[];
  bytes: number;
  lines: number;

  constructor(known: Known | undefined) {
    this.#parts = known === undefined ? [] : [known.finished];
    this.bytes = known?.finished.length ?? 0;
    this.lines = known?.lines ?? 0;
  }

  add(lines: readonly CompactLine[]): void {
    for (const { text } of lines) {
      const line = Buffer.from(`${text}\n`);
      this.#parts.push(line);
      this.bytes += line.length;
      this.lines += 1;
    }
  }

  finished(): Buffer {
    return Buffer.concat(this.#parts);
  }

  with(held: readonly CompactLine[]): Buffer {
    return Buffer.concat([...this.#parts, Buffer.from(held.map(({ text }) => text).join("\n"))]);
  }
}

async function readKept(path: string): Promise<Buffer | undefined> {
  try {
    const { size } = await stat(path);
    return size <= maxCompactBytes + 4096 ? await readFile(path) : undefined;
  } catch {
    return undefined;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
