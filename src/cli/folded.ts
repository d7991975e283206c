import type { Entry } from "../core/entry.ts";
import type { LogKey } from "../core/ids.ts";
import type { Store } from "../core/store.ts";
import { pagesOf } from "./pages.ts";
import { type Block, blocksOf, type Result } from "./transcript-entry.ts";

/** A block with the result that came back for it; a result stands alone only where its call is not shown. */
export interface FoldedBlock {
  readonly block: Block;
  readonly result: Result | undefined;
}

/** Folds results into their calls. Holds two pages; a result that comes later than that is looked up in the log. */
export async function* foldedBlocks(
  store: Store,
  log: LogKey,
  pages: AsyncIterable<readonly Entry[]>,
): AsyncGenerator<FoldedBlock> {
  const state: Folding = { called: new Set(), later: laterResults(store, log) };
  let held: Page | undefined;
  for await (const entries of pages) {
    const page = pageOf(entries);
    if (held !== undefined) yield* fold(state, held, page);
    held = page;
  }
  if (held !== undefined) yield* fold(state, held, undefined);
}

interface Folding {
  /** Calls that were shown, so that their results are not shown again. */
  readonly called: Set<string>;
  readonly later: (call: string) => Promise<Result | undefined>;
}

interface Page {
  readonly blocks: readonly Block[];
  readonly results: ReadonlyMap<string, Result>;
}

function pageOf(entries: readonly Entry[]): Page {
  const blocks = entries.flatMap(({ body }) => blocksOf(body));
  const results = new Map<string, Result>();
  for (const block of blocks)
    if (block.kind === "result" && !results.has(block.call)) results.set(block.call, block);
  return { blocks, results };
}

async function* fold(
  { called, later }: Folding,
  page: Page,
  next: Page | undefined,
): AsyncGenerator<FoldedBlock> {
  for (const block of page.blocks) {
    if (block.kind === "result") {
      if (!called.has(block.call)) yield { block, result: undefined };
    } else if (block.kind === "call") {
      called.add(block.id);
      const near = page.results.get(block.id) ?? next?.results.get(block.id);
      yield { block, result: near ?? (next === undefined ? undefined : await later(block.id)) };
    } else yield { block, result: undefined };
  }
}

/** Looks results up in the whole log. Its index of ids is made at the first question: most logs never need one. */
function laterResults(store: Store, log: LogKey): Folding["later"] {
  let index: Promise<ReadonlyMap<string, number>> | undefined;
  return async (call) => {
    const seq = (await (index ??= resultIndex(store, log))).get(call);
    if (seq === undefined) return undefined;
    const { entries } = await store.read({ log, after: seq - 1, limit: 1 });
    return entries.flatMap(({ body }) => resultsOf(body)).find((result) => result.call === call);
  };
}

async function resultIndex(store: Store, log: LogKey): Promise<ReadonlyMap<string, number>> {
  const index = new Map<string, number>();
  for await (const entries of pagesOf(store, log))
    for (const { seq, body } of entries)
      for (const { call } of resultsOf(body)) if (!index.has(call)) index.set(call, seq);
  return index;
}

function resultsOf(body: string): Result[] {
  if (!body.includes('"tool_use_id"')) return [];
  return blocksOf(body).filter((block): block is Result => block.kind === "result");
}
