import { hash } from "node:crypto";
import { isUuid } from "../../core/entry.ts";
import type { LogKey } from "../../core/ids.ts";
import { type LogStore, readingOrder } from "../../core/reading-order.ts";
import type { ClaudeEntry } from "./contract.ts";
import type { Neutral } from "./told-folders.ts";
import { noTitles, type TitlePart, titlePartOf, type Titles, withTitlePart } from "./title.ts";

/** A line of a transcript that the log may hold already. */
export interface Candidate {
  readonly body: string;
  readonly uuid: string | undefined;
  readonly entry: Readonly<Record<string, unknown>>;
}

/**
 * What a log held when an import began: entries with a uuid are told apart by it, the others by their content, on
 * import only. Sizes follow the number of entries, not their length.
 */
export class StoredTranscript {
  readonly #seqs = new Map<string, number>();
  /** The seqs of equal entries without a uuid, in order. */
  readonly #keyless = new Map<string, number[]>();
  readonly #seen = new Map<string, number>();
  /** The seqs of those that the file has had already. */
  readonly #passed = new Set<number>();
  /** By seq; 0 where nothing is known. */
  readonly #times: number[] = [0];
  /** Of the bodies, by seq. */
  readonly #prints: number[] = [0];
  readonly #titleParts = new Map<number, TitlePart>();
  readonly #neutral: Neutral;
  #titles = noTitles;
  #order: number[] = [];
  #head = 0;

  /** Reads a log up to its head as it is now; what is appended later is a conflict that the append notices. */
  static async read(
    store: LogStore,
    key: LogKey,
    neutral: Neutral = (text) => text,
  ): Promise<StoredTranscript> {
    const stored = new StoredTranscript(neutral);
    const { committed } = await store.read({ log: key, limit: 1 });
    for await (const piece of store.scan({ log: key })) {
      for (const body of piece) {
        if (stored.#head === committed) break;
        const entry = JSON.parse(body) as Readonly<Record<string, unknown>>;
        stored.#learn({ body, entry, uuid: isUuid(entry["uuid"]) ? entry["uuid"] : undefined });
      }
    }
    if (committed > 0) stored.#order = (await readingOrder(store, key)).segments.flatMap(seqsOf);
    stored.#titles = stored.#titlesInOrder();
    return stored;
  }

  private constructor(neutral: Neutral) {
    this.#neutral = neutral;
  }

  get head(): number {
    return this.#head;
  }

  /** What the session may be named after, in the order in which the log is read. */
  get titles(): Titles {
    return this.#titles;
  }

  /** Where the log holds this line already: its seq, or 0 for one without a uuid; undefined where it does not. */
  find(candidate: Candidate): number | undefined {
    if (candidate.uuid !== undefined) return this.#seqs.get(candidate.uuid);
    if (this.#keyless.size === 0) return undefined;
    // The nth equal line is new only if the log holds fewer than n of it: a file may rightly repeat itself.
    const hash = this.#hashOf(candidate);
    const nth = (this.#seen.get(hash) ?? 0) + 1;
    this.#seen.set(hash, nth);
    const seq = this.#keyless.get(hash)?.[nth - 1];
    if (seq === undefined) return undefined;
    this.#passed.add(seq);
    return 0;
  }

  /** Whether a line and the entry that has its uuid may differ: their texts do, though they may say the same. */
  mayDiffer(seq: number, { body }: Candidate): boolean {
    return this.#prints[seq] !== this.#printOf(body);
  }

  /**
   * The seq after which a late block is to be read: behind its predecessor in the file and all that is older than it,
   * and before its successor in the file. Undefined where that is the end of the log.
   */
  placeAfter({ predecessor, successor, atMs }: BlockPlace): number | undefined {
    const first = this.#order.indexOf(predecessor);
    const older = atMs === undefined ? -1 : this.#lastBeforeNewer(atMs);
    const limit = successor === undefined ? -1 : this.#order.indexOf(successor);
    const wanted = Math.max(first, older);
    let at = limit > first ? Math.min(wanted, limit - 1) : wanted;
    // Lines without a uuid that stand there already and that the file has before this block, such as an older title.
    while (at + 1 !== limit && this.#passed.has(this.#order[at + 1]!)) at += 1;
    if (at === this.#order.length - 1) return undefined;
    return at === -1 ? 0 : this.#order[at]!;
  }

  // What was never mirrored stands at the end with old times: only what comes before the first newer line is older.
  #lastBeforeNewer(atMs: number): number {
    const newer = this.#order.findIndex((seq) => this.#times[seq]! > atMs);
    return (newer === -1 ? this.#order.length : newer) - 1;
  }

  /** Takes note of a block that is stored next, and of where it is read. */
  add(block: readonly Candidate[], after: number | undefined): void {
    const from = this.#head + 1;
    for (const candidate of block) this.#learn(candidate, false);
    const at = after === undefined ? this.#order.length : this.#order.indexOf(after) + 1;
    const seqs = seqsOf({ from, to: this.#head });
    // Not splice: a block may have more lines than a call may have arguments.
    this.#order = this.#order.slice(0, at).concat(seqs, this.#order.slice(at));
    if (seqs.some((seq) => this.#titleParts.has(seq))) this.#titles = this.#titlesInOrder();
  }

  #titlesInOrder(): Titles {
    return this.#order.map((seq) => this.#titleParts.get(seq)).reduce(withTitlePart, noTitles);
  }

  #learn(candidate: Candidate, countKeyless = true): void {
    const { uuid, entry, body } = candidate;
    this.#head += 1;
    this.#times.push(timeOf(entry) ?? this.#times.at(-1)!);
    this.#prints.push(uuid === undefined ? 0 : this.#printOf(body));
    const part = titlePartOf(entry as ClaudeEntry);
    if (part !== undefined) this.#titleParts.set(this.#head, part);
    if (uuid !== undefined) this.#seqs.set(uuid, this.#head);
    else if (countKeyless) {
      const hash = this.#hashOf(candidate);
      const seqs = this.#keyless.get(hash);
      if (seqs === undefined) this.#keyless.set(hash, [this.#head]);
      else seqs.push(this.#head);
    }
  }

  #hashOf(candidate: Candidate): string {
    return hash("sha256", this.#neutral(textOf(candidate)), "base64").slice(0, 24);
  }

  // Six bytes, which a number holds: a text is held for each entry otherwise.
  #printOf(body: string): number {
    return hash("sha256", this.#neutral(body), "buffer").readUIntBE(0, 6);
  }
}

/** Where a block stands in its file. */
export interface BlockPlace {
  /** The seq of the line before it, 0 at the file's start. */
  readonly predecessor: number;
  readonly successor: number | undefined;
  readonly atMs: number | undefined;
}

/** The time that a line carries, in ms. */
export function timeOf(entry: Readonly<Record<string, unknown>>): number | undefined {
  const { timestamp } = entry;
  const atMs = typeof timestamp === "string" ? Date.parse(timestamp) : Number.NaN;
  return Number.isSafeInteger(atMs) && atMs >= 0 ? atMs : undefined;
}

// The parsed form: a mirror and a file may write the same object with other white space. What can be parsed may still
// be nested too deep to be written again.
function textOf({ entry, body }: Candidate): string {
  try {
    return JSON.stringify(entry);
  } catch {
    return body;
  }
}

function seqsOf({ from, to }: { readonly from: number; readonly to: number }): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
