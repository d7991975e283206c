import type { SessionKey } from "../../core/ids.ts";
import type { SessionRow } from "../../core/store.ts";
import { type State, type StoredSession, visibleSession } from "./state.ts";

/** One session's catalogue row. */
export function session(state: State, key: SessionKey): SessionRow | null {
  const found = visibleSession(state, key);
  return found === undefined ? null : toSessionRow(found);
}

/** The row as the port shows it. */
export function toSessionRow(stored: StoredSession): SessionRow {
  return {
    project: stored.project,
    session: stored.session,
    provider: stored.provider,
    title: stored.title,
    labels: { ...stored.labels },
    summary: stored.summaryHead === stored.mainHead ? stored.summary : null,
    createdAtMs: stored.createdAtMs,
    updatedAtMs: stored.updatedAtMs,
    mainHead: stored.mainHead,
    entries: stored.entries,
    length: stored.length,
    revision: stored.revision,
    resumeKey: stored.resumeKey,
    resumeToken: stored.resumeToken,
  };
}
