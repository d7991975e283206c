import { Writable } from "node:stream";

/** A terminal as a stream knows it. */
export interface Terminal {
  readonly columns: number;
}

/** A stream that keeps what is written, and plays a terminal if it is to. */
export class Screen extends Writable {
  readonly isTTY: boolean;
  readonly columns: number;
  readonly #all: string[];
  text = "";

  /** `all` is shared by the streams that one person reads together. */
  constructor(terminal: Terminal | undefined, all: string[]) {
    super({ decodeStrings: false });
    this.#all = all;
    this.isTTY = terminal !== undefined;
    this.columns = terminal?.columns ?? 0;
  }

  override _write(chunk: string | Buffer, _: string, done: () => void): void {
    this.text += String(chunk);
    this.#all.push(String(chunk));
    this.emit("shown");
    done();
  }
}

/** What a person reads: without Holdfast's own colours and the end of its progress bar. */
export function plain(text: string): string {
  return own.reduce((rest, sequence) => rest.replaceAll(sequence, ""), text);
}

/** Finds what could drive a terminal: control characters but newline and tab, and marks that turn the text around. */
export const dangerous = /[\p{Cc}--[\t\n]]|[\u202a-\u202e\u2066-\u2069]/v;

const own = ["\r\u001b[2K", ...[1, 2, 22, 31, 36, 39].map((code) => `\u001b[${code}m`)];
