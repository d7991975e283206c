import { blockHash } from "../core/reading-order.ts";
import { noTokens, type Tokens } from "../core/usage.ts";

/** What was done in a session. */
export interface SessionStatistics {
  /** What the user asked; not what a tool or the agent itself wrote in the user's name. */
  readonly turns: number;
  /** Calls of tools, with those of subagents. */
  readonly toolCalls: number;
  /** The files that writing tools were called for, well or not: the first 200 in order of their paths, and how many there are. */
  readonly filesTouched: { readonly paths: readonly string[]; readonly total: number };
  readonly tokens: Tokens;
  /** Entries over all logs but Holdfast's own, with the times of the first and the last. */
  readonly entries: number;
  readonly firstAtMs: number | null;
  readonly lastAtMs: number | null;
}

/** What one entry adds. */
export interface Counts {
  /** Undefined: the entry itself is not counted. */
  readonly atMs?: number | undefined;
  readonly turns: number;
  readonly toolCalls: number;
  readonly files: readonly string[];
  readonly responses: readonly { readonly key: string; readonly tokens: Tokens }[];
}

/** A session's statistics, with what it takes to go on counting without reading anything again. */
export class Tally {
  /** The change of the feed that began the session. */
  readonly since: number;
  #turns = 0;
  #toolCalls = 0;
  #entries = 0;
  #firstAtMs: number | null = null;
  #lastAtMs: number | null = null;
  #tokens = noTokens;
  /** The paths that are first in order, and the hashes of the others: 19 bytes each. */
  #paths: string[] = [];
  #otherFiles = new Set<string>();
  /** The responses seen last, by the hash of their keys, oldest first. */
  #recent = new Map<string, Tokens>();

  constructor(since: number) {
    this.since = since;
  }

  /** Reads a document. */
  static from(body: string): Tally {
    const { since, statistics, recent, otherFiles } = JSON.parse(body) as TallyDocument;
    const tally = new Tally(since);
    tally.#turns = statistics.turns;
    tally.#toolCalls = statistics.toolCalls;
    tally.#entries = statistics.entries;
    tally.#firstAtMs = statistics.firstAtMs;
    tally.#lastAtMs = statistics.lastAtMs;
    tally.#tokens = statistics.tokens;
    tally.#paths = [...statistics.filesTouched.paths];
    tally.#otherFiles = new Set(otherFiles);
    tally.#recent = new Map(recent);
    return tally;
  }

  get statistics(): SessionStatistics {
    const total = this.#paths.length + this.#otherFiles.size;
    return {
      turns: this.#turns,
      toolCalls: this.#toolCalls,
      filesTouched: { paths: [...this.#paths], total },
      tokens: { ...this.#tokens },
      entries: this.#entries,
      firstAtMs: this.#firstAtMs,
      lastAtMs: this.#lastAtMs,
    };
  }

  /** Counts one entry, which must not have been counted before. */
  add({ atMs, turns, toolCalls, files, responses }: Counts): void {
    this.#turns += turns;
    this.#toolCalls += toolCalls;
    for (const path of files) this.#touch(path);
    for (const { key, tokens } of responses) this.#use(blockHash([key]), tokens);
    if (atMs === undefined) return;
    this.#entries += 1;
    this.#firstAtMs = Math.min(this.#firstAtMs ?? atMs, atMs);
    this.#lastAtMs = Math.max(this.#lastAtMs ?? atMs, atMs);
  }

  /** The document: the same bytes for the same entries, however they were cut into batches. */
  get body(): string {
    const document: TallyDocument = {
      since: this.since,
      statistics: this.statistics,
      recent: [...this.#recent],
      otherFiles: [...this.#otherFiles],
    };
    return JSON.stringify(document);
  }

  #touch(path: string): void {
    const at = placeOf(this.#paths, path);
    if (this.#paths[at] === path) return;
    const last = this.#paths.length - 1;
    if (last + 1 < maxPaths) return void this.#paths.splice(at, 0, path);
    if (at > last) return void this.#otherFiles.add(blockHash([path]));
    // It may have been one of the others only while it came behind all paths, and it does not.
    this.#paths.splice(at, 0, path);
    this.#otherFiles.add(blockHash([this.#paths.pop()!]));
  }

  /** A response is told of by several entries near each other, of which each may know more than the last. */
  #use(hash: string, seen: Tokens): void {
    const known = this.#recent.get(hash) ?? noTokens;
    const greater = byKind((kind) => Math.max(known[kind], seen[kind]));
    this.#tokens = byKind((kind) => this.#tokens[kind] + greater[kind] - known[kind]);
    this.#recent.delete(hash);
    this.#recent.set(hash, greater);
    if (this.#recent.size <= maxRecent) return;
    const [oldest] = this.#recent.keys();
    this.#recent.delete(oldest!);
  }
}

const maxPaths = 200;
// As many responses may be streamed at once; one that goes on behind as many others is counted as another one.
const maxRecent = 32;

interface TallyDocument {
  readonly since: number;
  readonly statistics: SessionStatistics;
  readonly recent: readonly (readonly [hash: string, tokens: Tokens])[];
  readonly otherFiles: readonly string[];
}

const kinds = Object.keys(noTokens) as readonly (keyof Tokens)[];

function byKind(count: (kind: keyof Tokens) => number): Tokens {
  return Object.fromEntries(kinds.map((kind) => [kind, count(kind)])) as unknown as Tokens;
}

/** Where a text stands in a sorted list, or would stand. */
function placeOf(sorted: readonly string[], text: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
