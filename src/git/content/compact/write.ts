import { objectIn } from "../../../core/json.ts";
import type { CompactBlock, CompactMessage, CompactPart, CompactResult, CompactSource } from "./lines.ts";

/**
 * Writes a compact transcript (section 9) line by line. A result is written into its call, and so a line is held back
 * until `window` others have followed it; a result that comes later is left out. What is written depends on the lines
 * alone, not on where the writing was interrupted.
 */
export class CompactWriter {
  readonly #source: CompactSource;
  readonly #cliVersion: string;
  readonly #window: Held[] = [];
  readonly #calls = new Map<string, Call>();

  constructor({ source, cliVersion, window = [] }: CompactWriterParams) {
    this.#source = source;
    this.#cliVersion = cliVersion;
    for (const { message, blocks } of window) this.#fill(this.#open(message), blocks);
  }

  get agent(): string {
    return this.#source.agent;
  }

  /** Takes one line of the transcript; gives the lines that are finished by it. */
  add(line: string): string[] {
    const fields = objectIn(line);
    const part = fields === undefined ? {} : this.#partOf(fields);
    for (const message of part.messages ?? []) this.#hold(message);
    for (const result of part.results ?? []) this.#answer(result);
    const finished: string[] = [];
    while (this.#window.length > windowLines) finished.push(this.#finish(this.#window.shift()!));
    return finished;
  }

  /** The lines that are held back, as they stand now; more lines may still follow. */
  held(): string[] {
    return this.#window.map((held) => this.#written(held));
  }

  /** What is held back, for another writer that is given the lines behind it. */
  window(): readonly HeldLine[] {
    return this.#window.map(({ message, blocks }) => ({ message, blocks: [...blocks] }));
  }

  // What is hostile in one line must not take the others with it.
  #partOf(fields: Readonly<Record<string, unknown>>): CompactPart {
    try {
      return this.#source.part(fields);
    } catch {
      return {};
    }
  }

  #hold(message: CompactMessage): void {
    const last = this.#window.at(-1);
    const continues =
      message.id !== undefined && message.type === "assistant" && last?.message.id === message.id;
    // Thinking alone leaves nothing to tell.
    if (!continues && message.content.length === 0) return;
    if (continues) last!.message = withoutContent({ ...message, ts: last!.message.ts });
    this.#fill(continues ? last! : this.#open(message), message.content);
  }

  #open(message: CompactMessage): Held {
    const held = { message: withoutContent(message), blocks: [] };
    this.#window.push(held);
    return held;
  }

  #fill(held: Held, blocks: readonly CompactBlock[]): void {
    for (const block of blocks) {
      const { id } = block;
      if (block["type"] === "tool_use" && typeof id === "string")
        this.#calls.set(id, { held, at: held.blocks.length });
      held.blocks.push(block);
    }
  }

  #answer({ toolUseId, result }: CompactResult): void {
    const call = this.#calls.get(toolUseId);
    if (call !== undefined) call.held.blocks[call.at] = { ...call.held.blocks[call.at], result };
  }

  #finish(held: Held): string {
    for (const { id } of held.blocks)
      if (typeof id === "string" && this.#calls.get(id)?.held === held) this.#calls.delete(id);
    return this.#written(held);
  }

  #written({ message, blocks }: Held): string {
    const { type, ts, id, inputTokens, outputTokens } = message;
    const { agent } = this.#source;
    return JSON.stringify({
      ...{ v: 1, agent, cli_version: this.#cliVersion, type, ts, id },
      ...{ input_tokens: inputTokens, output_tokens: outputTokens, content: blocks },
    });
  }
}

interface CompactWriterParams {
  readonly source: CompactSource;
  readonly cliVersion: string;
  /** What an earlier writer held back. */
  readonly window?: readonly HeldLine[];
}

/** A line that is held back: its message without what it says, and that as it stands now. */
export interface HeldLine {
  readonly message: CompactMessage;
  readonly blocks: readonly CompactBlock[];
}

interface Held extends HeldLine {
  message: CompactMessage;
  readonly blocks: CompactBlock[];
}

interface Call {
  readonly held: Held;
  readonly at: number;
}

function withoutContent(message: CompactMessage): CompactMessage {
  return { ...message, content: [] };
}

const windowLines = 64;
