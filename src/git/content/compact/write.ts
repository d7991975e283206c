import { objectIn } from "../../../core/json.ts";
import type { CompactBlock, CompactMessage, CompactPart, CompactResult, CompactSource } from "./lines.ts";

/** A line of the compact transcript that will not change any more. */
export interface CompactLine {
  readonly text: string;
  /** The number of the transcript's line that it begins with. */
  readonly source: number;
}

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

  constructor({ source, cliVersion }: { readonly source: CompactSource; readonly cliVersion: string }) {
    this.#source = source;
    this.#cliVersion = cliVersion;
  }

  get agent(): string {
    return this.#source.agent;
  }

  /** Takes one line of the transcript; gives the lines that are finished by it. */
  add(line: string, number: number): CompactLine[] {
    const fields = objectIn(line);
    const part = fields === undefined ? {} : this.#partOf(fields);
    for (const message of part.messages ?? []) this.#hold(message, number);
    for (const result of part.results ?? []) this.#answer(result);
    const finished: CompactLine[] = [];
    while (this.#window.length > windowLines) finished.push(this.#finish(this.#window.shift()!));
    return finished;
  }

  /** The lines that are held back, as they stand now; more lines may still follow. */
  held(): CompactLine[] {
    return this.#window.map((held) => this.#written(held));
  }

  // What is hostile in one line must not take the others with it.
  #partOf(fields: Readonly<Record<string, unknown>>): CompactPart {
    try {
      return this.#source.part(fields);
    } catch {
      return {};
    }
  }

  #hold(message: CompactMessage, number: number): void {
    const last = this.#window.at(-1);
    const continues =
      message.id !== undefined && message.type === "assistant" && last?.message.id === message.id;
    // Thinking alone leaves nothing to tell.
    if (!continues && message.content.length === 0) return;
    const held = continues ? last! : { message, source: number, blocks: [] as CompactBlock[] };
    if (!continues) this.#window.push(held);
    else held.message = { ...message, ts: held.message.ts, content: [] };
    for (const block of message.content) {
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

  #finish(held: Held): CompactLine {
    for (const { id } of held.blocks)
      if (typeof id === "string" && this.#calls.get(id)?.held === held) this.#calls.delete(id);
    return this.#written(held);
  }

  #written({ message, source, blocks }: Held): CompactLine {
    const { type, ts, id, inputTokens, outputTokens } = message;
    const { agent } = this.#source;
    const written = {
      ...{ v: 1, agent, cli_version: this.#cliVersion, type, ts, id },
      ...{ input_tokens: inputTokens, output_tokens: outputTokens, content: blocks },
    };
    return { text: JSON.stringify(written), source };
  }
}

interface Held {
  message: CompactMessage;
  readonly source: number;
  readonly blocks: CompactBlock[];
}

interface Call {
  readonly held: Held;
  readonly at: number;
}

const windowLines = 64;
