import { compactSourceNamed, compactSourceOf } from "./sources.ts";
import { CompactWriter, type HeldLine } from "./write.ts";

/** What was made of a transcript's first lines. */
export interface CompactState {
  /** The agent's registry name. */
  readonly agent: string;
  /** Lines of the transcript. */
  readonly taken: number;
  /** Finished lines, each with its end. */
  readonly finished: readonly Buffer[];
  readonly lines: number;
  readonly window: readonly HeldLine[];
}

/** A compact transcript that grows with the lines of its transcript, from the first or from where another one stood. */
export class GrowingText {
  readonly #cliVersion: string;
  readonly #finished: Buffer[];
  #finishedLines: number;
  #writer: CompactWriter | undefined;
  /** Of the finished lines. */
  bytes: number;
  /** Lines of the transcript. */
  taken: number;

  constructor({ cliVersion, state }: GrowingTextParams) {
    this.#cliVersion = cliVersion;
    this.#finished = [...(state?.finished ?? [])];
    this.#finishedLines = state?.lines ?? 0;
    this.bytes = this.#finished.reduce((sum, part) => sum + part.length, 0);
    this.taken = state?.taken ?? 0;
    const source = compactSourceNamed(state?.agent);
    if (source !== undefined) this.#writer = new CompactWriter({ source, cliVersion, window: state!.window });
  }

  /** Many lines came, and none is a message of an agent that is known. */
  get isUnknown(): boolean {
    return this.#writer === undefined && this.taken > maxSniffedLines;
  }

  get lines(): number {
    return this.#finishedLines + (this.#writer?.held().length ?? 0);
  }

  take(line: string): void {
    this.taken += 1;
    this.#writer ??= this.#sniffed(line);
    for (const text of this.#writer?.add(line) ?? []) {
      const finished = Buffer.from(`${text}\n`);
      this.#finished.push(finished);
      this.#finishedLines += 1;
      this.bytes += finished.length;
    }
  }

  /** How it stands; undefined where there is nothing yet. */
  state(): CompactState | undefined {
    if (this.#writer === undefined) return undefined;
    const [finished, lines] = [[...this.#finished], this.#finishedLines];
    return { agent: this.#writer.agent, taken: this.taken, lines, window: this.#writer.window(), finished };
  }

  /** All lines, without the last one's end; undefined where there is none. */
  content(): Buffer | undefined {
    const held = this.#writer?.held() ?? [];
    return held.length === 0 ? undefined : Buffer.concat([...this.#finished, Buffer.from(held.join("\n"))]);
  }

  // Lines of state before the first message bring nothing.
  #sniffed(line: string): CompactWriter | undefined {
    const source = compactSourceOf(line);
    return source === undefined ? undefined : new CompactWriter({ source, cliVersion: this.#cliVersion });
  }
}

interface GrowingTextParams {
  readonly cliVersion: string;
  readonly state: CompactState | undefined;
}

const maxSniffedLines = 1000;
