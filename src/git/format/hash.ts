import { createHash } from "node:crypto";

/** The hash that stands beside a stored transcript: `sha256:` and 64 hex digits, without a newline (section 2). */
export function contentHashOf(chunks: Iterable<Uint8Array>): string {
  const hasher = new ContentHasher();
  for (const chunk of chunks) hasher.chunk(chunk);
  return hasher.hash();
}

/** True for the text of a hash file as it must be, without a newline. */
export function isContentHash(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

/** Hashes a text chunk by chunk, as if they were joined with `\n`. */
export class ContentHasher {
  readonly #sha256 = createHash("sha256");
  #isFirst = true;

  chunk(bytes: Uint8Array): void {
    if (!this.#isFirst) this.#sha256.update("\n");
    this.#isFirst = false;
    this.#sha256.update(bytes);
  }

  /** The hash of what came so far; more may follow. */
  hash(): string {
    return `sha256:${this.#sha256.copy().digest("hex")}`;
  }
}
