import { checkLimit, filterKeyOf } from "../../core/checks.ts";
import { decodeCursor, encodeCursor } from "../../core/cursor.ts";
import type { SessionPage, SessionsFilter, SessionsParams } from "../../core/store.ts";
import { countBefore } from "./recent.ts";
import { toSessionRow } from "./session.ts";
import type { State, StoredSession } from "./state.ts";

/** One page of sessions, newest first. */
export function sessions(state: State, { filter = {}, cursor, limit = 50 }: SessionsParams): SessionPage {
  checkLimit(limit, 1000);
  const filterKey = filterKeyOf(filter);
  const start =
    cursor === undefined ? state.recent.length : countBefore(state, decodeCursor(cursor, filterKey));
  const rows: StoredSession[] = [];
  for (let index = start - 1; index >= 0 && rows.length <= limit; index -= 1) {
    const row = state.recent[index]!;
    if (matches(row, filter)) rows.push(row);
  }
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const found = page.map(toSessionRow);
  if (rows.length <= limit || last === undefined) return { sessions: found };
  return { sessions: found, cursor: encodeCursor(last, filterKey) };
}

function matches(
  row: StoredSession,
  { project, provider, title, sinceMs, sessionPrefix, resumeKey }: SessionsFilter,
): boolean {
  if (project !== undefined && row.project !== project) return false;
  if (provider !== undefined && row.provider !== provider) return false;
  if (sinceMs !== undefined && row.updatedAtMs < sinceMs) return false;
  if (sessionPrefix !== undefined && !row.session.startsWith(sessionPrefix)) return false;
  if (resumeKey !== undefined && row.resumeKey !== resumeKey) return false;
  return title === undefined || row.title?.toLowerCase().includes(title.toLowerCase()) === true;
}
