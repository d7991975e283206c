import type { Fold } from "../../core/store.ts";
import type { ClaudeEntry, ClaudeSessionKey, ClaudeSummary, FoldSessionSummary } from "./contract.ts";
import { titleAfter } from "./title.ts";

/**
 * The fold for one session: the title by our own rule, the summary by the SDK's helper where there is one.
 * A helper that throws leaves the summary stale: an append is never refused for the sake of a summary.
 */
export function makeFold(key: ClaudeSessionKey, foldSummary: FoldSessionSummary | undefined): Fold {
  return ({ summary, title }, appended) => {
    const entries = appended.map(({ body }) => JSON.parse(body) as ClaudeEntry);
    const nextTitle = entries.reduce(titleAfter, title);
    if (foldSummary === undefined) return { summary: null, title: nextTitle };
    try {
      const folded = foldSummary(previousOf(key, summary), key, entries as never[], { mtime: 0 });
      return { summary: JSON.stringify(folded.data), title: nextTitle };
    } catch {
      return { summary: null, title: nextTitle };
    }
  };
}

function previousOf({ sessionId }: ClaudeSessionKey, summary: string | null): ClaudeSummary | undefined {
  if (summary === null) return undefined;
  return { sessionId, mtime: 0, data: JSON.parse(summary) as Record<string, unknown> };
}
