import { createHash, type Hash } from "node:crypto";
import type { LogKey } from "../core/ids.ts";
import type { Store } from "../core/store.ts";

/** What a log's entries are: how many, and the bytes and the SHA-256 of their bodies, each followed by a line feed. */
export interface LogDigest {
  readonly entries: number;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
}

/** Digests the first `entries` of a log, and its first `mark` on the way; reads in pieces. @throws session_dropped, cursor_ahead */
export async function digestLog(
  store: Store,
  log: LogKey,
  { entries, mark }: { readonly entries: number; readonly mark: number },
): Promise<{ readonly whole: LogDigest; readonly marked: LogDigest }> {
  const sum = new RunningDigest();
  let marked = sum.value;
  for await (const piece of store.scan({ log })) {
    const toMark = Math.max(0, mark - sum.entries);
    const rest = entries - sum.entries;
    if (toMark > 0 && toMark <= piece.length) {
      sum.add(piece.slice(0, toMark));
      marked = sum.value;
      sum.add(piece.slice(toMark, rest));
    } else sum.add(piece.slice(0, rest));
    if (sum.entries >= entries) break;
  }
  return { whole: sum.value, marked };
}

class RunningDigest {
  readonly #hash: Hash = createHash("sha256");
  #bytes = 0;
  entries = 0;

  add(bodies: readonly string[]): void {
    if (bodies.length === 0) return;
    const text = `${bodies.join("\n")}\n`;
    this.#hash.update(text);
    this.#bytes += Buffer.byteLength(text);
    this.entries += bodies.length;
  }

  get value(): LogDigest {
    return { entries: this.entries, bytes: this.#bytes, sha256: this.#hash.copy().digest("hex") };
  }
}
