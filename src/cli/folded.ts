import type { Entry } from "../core/entry.ts";
import type { Result, ShownBlock } from "./transcript.ts";
import { blocksOf } from "./transcript-entry.ts";

/** A block with the result that came back for it. */
export interface FoldedBlock {
  readonly block: ShownBlock;
  readonly result: Result | undefined;
}

/** Folds results into their calls. Looks one page ahead: a result further away is told as none, so that memory stays small. */
export async function* foldedBlocks(pages: AsyncIterable<readonly Entry[]>): AsyncGenerator<FoldedBlock> {
  let held: Page | undefined;
  for await (const entries of pages) {
    const page = pageOf(entries);
    if (held !== undefined) yield* fold(held, page);
    held = page;
  }
  if (held !== undefined) yield* fold(held, undefined);
}

interface Page {
  readonly blocks: readonly ShownBlock[];
  readonly results: ReadonlyMap<string, Result>;
}

function pageOf(entries: readonly Entry[]): Page {
  const blocks: ShownBlock[] = [];
  const results = new Map<string, Result>();
  for (const block of entries.flatMap(({ body }) => blocksOf(body))) {
    if (block.kind === "result") results.set(block.call, block);
    else blocks.push(block);
  }
  return { blocks, results };
}

function* fold(page: Page, next: Page | undefined): Generator<FoldedBlock> {
  for (const block of page.blocks) {
    const id = block.kind === "call" ? block.id : undefined;
    const result = id === undefined ? undefined : (page.results.get(id) ?? next?.results.get(id));
    yield { block, result };
  }
}
