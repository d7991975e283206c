/** A line whose uuid came before with another content. */
export interface Conflict {
  readonly file: string;
  readonly line: number;
  readonly uuid: string;
}

/** What is wrong with one file, line by line; of a file that is no transcript at all, only the first are told. */
export class FileProblems {
  readonly #file: string;
  readonly #sentences: string[] = [];
  readonly #conflicts: Conflict[] = [];
  #untold = { lines: 0, last: 0 };

  constructor(file: string) {
    this.#file = file;
  }

  get conflicts(): readonly Conflict[] {
    return this.#conflicts;
  }

  /** Sentences, each with file and line. */
  get sentences(): readonly string[] {
    const { lines, last } = this.#untold;
    if (lines === 0) return this.#sentences;
    return [...this.#sentences, `${this.#file}: ${lines} more such lines, the last of them line ${last}.`];
  }

  tell(line: number, what: string): void {
    if (this.#sentences.length < maxTold) this.#sentences.push(`${this.#file}:${line}: ${what}`);
    else this.#untold = { lines: this.#untold.lines + 1, last: line };
  }

  /** Tells of something that no line has. */
  add(sentences: readonly string[]): void {
    this.#sentences.push(...sentences);
  }

  conflict({ line, uuid }: Omit<Conflict, "file">, where: string): void {
    this.tell(line, `${uuid} ${where} with another content, which is kept.`);
    if (this.#conflicts.length < maxTold) this.#conflicts.push({ file: this.#file, line, uuid });
  }
}

// A file of no transcript at all must not fill the memory with what is wrong with it.
const maxTold = 90;
