import type { Fold, FoldState } from "../../core/store.ts";
import type { ClaudeEntry, ClaudeSessionKey, ClaudeSummary, FoldSessionSummary } from "./contract.ts";
import { noTitles, titleOf, titlePartOf, type Titles, withTitlePart } from "./title.ts";

/**
 * What a session's summary holds. The title alone does not tell who gave it, and an agent's must not replace the
 * user's: so all that it may come from is kept beside the SDK's data.
 */
export interface FoldedSummary {
  readonly titles: Titles;
  /** As the SDK's helper made it; null where it has missed entries, or saw them in another order than they are read in. */
  readonly data: Record<string, unknown> | null;
}

/**
 * The fold for what a mirror appends, which is read last: the title by our own rule, the data by the SDK's helper
 * where there is one. A helper that throws leaves the data stale: an append is never refused for the sake of it.
 */
export function makeFold(key: ClaudeSessionKey, foldSummary: FoldSessionSummary | undefined): Fold {
  return (state, appended) => {
    const entries = appended.map(({ body }) => JSON.parse(body) as ClaudeEntry);
    const before = stateBefore(state);
    const titles = entries.map(titlePartOf).reduce(withTitlePart, before.titles);
    const data = before.data === null ? null : foldData(before.data, { key, foldSummary, entries });
    return folded({ titles, data }, state);
  };
}

/** The fold for what an import appends, which knows what the whole log is named after in its reading order. */
export function makeImportFold(titles: Titles): Fold {
  return (state) => folded({ titles, data: null }, state);
}

/** Reads what a session's row has; undefined where it is none of ours. */
export function readSummary(text: string): FoldedSummary | undefined {
  try {
    const summary = JSON.parse(text) as Partial<FoldedSummary> | null;
    return summary?.titles == null || summary.data === undefined ? undefined : (summary as FoldedSummary);
  } catch {
    return undefined;
  }
}

/** The text for a session's row. */
export function writeSummary({ titles, data }: FoldedSummary): string {
  return JSON.stringify({ titles, data });
}

interface StateBefore {
  readonly titles: Titles;
  /** Undefined where nothing was folded before. */
  readonly data: Record<string, unknown> | null | undefined;
}

// Of a title whose origin is not known any more, the user's own is assumed: only another of theirs replaces it.
function stateBefore({ summary, title }: FoldState): StateBefore {
  const known = summary === null ? undefined : readSummary(summary);
  if (known !== undefined) return known;
  return { titles: { ...noTitles, custom: title }, data: summary === null ? undefined : null };
}

interface DataParams {
  readonly key: ClaudeSessionKey;
  readonly foldSummary: FoldSessionSummary | undefined;
  readonly entries: readonly ClaudeEntry[];
}

function foldData(
  before: Record<string, unknown> | undefined,
  { key, foldSummary, entries }: DataParams,
): Record<string, unknown> | null {
  if (foldSummary === undefined) return null;
  const previous: ClaudeSummary | undefined = before && { sessionId: key.sessionId, mtime: 0, data: before };
  try {
    return foldSummary(previous, key, entries as never[], { mtime: 0 }).data;
  } catch {
    return null;
  }
}

function folded(summary: FoldedSummary, { title }: FoldState): FoldState {
  return { summary: writeSummary(summary), title: titleOf(summary.titles) ?? title };
}
