import type { Entry } from "../core/entry.ts";
import { type Block, blocksOf } from "./transcript-entry.ts";

/**
 * The last `count` entries of which a reader sees something, and nothing of what is between them; `pages` come newest
 * first, each in order. Where results are folded into their calls, a call and its results count as one.
 */
export async function visibleTail(
  pages: AsyncIterable<readonly Entry[]>,
  { count, isFolded }: { readonly count: number; readonly isFolded: boolean },
): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  const seen = new Seen(isFolded);
  if (count > 0)
    for await (const page of pages) {
      for (const entry of page.toReversed()) {
        const blocks = blocksOf(entry.body);
        if (blocks.length === 0) continue;
        seen.add(blocks);
        // One more is looked at where results are folded: it may be the call of the first result.
        if (seen.count > count) return found.toReversed();
        found.push(entry);
        if (seen.count === count && !isFolded) return found.toReversed();
      }
    }
  return found.toReversed();
}

/** Counts entries from the newest on. */
class Seen {
  readonly #isFolded: boolean;
  /** Entries of results alone by the calls that they wait for, which come later here. */
  readonly #waiting = new Map<string, { left: number }[]>();
  count = 0;

  constructor(isFolded: boolean) {
    this.#isFolded = isFolded;
  }

  add(blocks: readonly Block[]): void {
    this.count += 1;
    if (!this.#isFolded) return;
    for (const block of blocks) if (block.kind === "call") this.#claim(block.id);
    const results = blocks.filter((block) => block.kind === "result");
    if (results.length < blocks.length) return;
    const entry = { left: results.length };
    for (const { call } of results) this.#waiting.set(call, [...(this.#waiting.get(call) ?? []), entry]);
  }

  #claim(call: string): void {
    for (const entry of this.#waiting.get(call) ?? []) {
      entry.left -= 1;
      if (entry.left === 0) this.count -= 1;
    }
    this.#waiting.delete(call);
  }
}
