import type { Fold } from "../../core/store.ts";
import type { ClaudeEntry, ClaudeSessionKey, ClaudeSummary, FoldSessionSummary } from "./contract.ts";
import { titleAfter } from "./title.ts";

/** The fold for one session: the title by our own rule, the summary by the SDK's helper where there is one. */
export function makeFold(key: ClaudeSessionKey, foldSummary: FoldSessionSummary | undefined): Fold {
  return ({ summary, title }, appended) => {
    const entries = appended.map(({ body }) => JSON.parse(body) as ClaudeEntry);
    const next = entries.reduce(titleAfter, title);
    if (foldSummary === undefined) return { summary: null, title: next };
    const previous: ClaudeSummary | undefined =
      summary === null
        ? undefined
        : { sessionId: key.sessionId, mtime: 0, data: JSON.parse(summary) as Record<string, unknown> };
    const folded = foldSummary(previous, key, entries as never[], { mtime: 0 });
    return { summary: JSON.stringify(folded.data), title: next };
  };
}
