import { checkLimit, filterKeyOf } from "../../core/checks.ts";
import { decodeCursor, encodeCursor } from "../../core/cursor.ts";
import type { SessionPage, SessionsFilter, SessionsParams } from "../../core/store.ts";
import type { Query } from "./client.ts";
import { type SessionColumns, sessionColumns, toStoredSessions } from "./session.ts";
import { whereOf } from "./where.ts";

/** One page of sessions, newest first; walks an index and never opens a log. */
export async function sessions(
  query: Query,
  { filter = {}, cursor, limit = 50 }: SessionsParams,
): Promise<SessionPage> {
  checkLimit(limit, 1000);
  const filterKey = filterKeyOf(filter);
  const { where, values } = conditionsOf(filter);
  const after = cursor === undefined ? undefined : decodeCursor(cursor, filterKey);
  const end = after === undefined ? [] : [after.updatedAtMs, after.rowId];
  const [n, behind] = [values.length + 1, "(updated_at_ms, id) <"];
  const conditions = after === undefined ? where : `${where} AND ${behind} ($${n}, $${n + 1})`;
  const sql = `
    SELECT ${sessionColumns} FROM hf.session ${conditions}
    ORDER BY updated_at_ms DESC, id DESC LIMIT $${n + end.length}`;
  const found = toStoredSessions(await query<SessionColumns>(sql, ...values, ...end, limit + 1));
  const page = found.length > limit ? found.slice(0, limit) : found;
  const rows = page.map(({ row }) => row);
  const last = page.at(-1);
  if (found.length <= limit || last === undefined) return { sessions: rows };
  const position = { updatedAtMs: last.row.updatedAtMs, rowId: last.id };
  return { sessions: rows, cursor: encodeCursor(position, filterKey) };
}

function conditionsOf({ project, provider, title, sinceMs, sessionPrefix, resumeKey }: SessionsFilter) {
  return whereOf([
    ["hidden = ?", false],
    ["project = ?", project],
    ["provider = ?", provider],
    ["strpos(title_folded, ?) > 0", title?.toLowerCase()],
    // A parameter of the column's type takes no fraction.
    ["updated_at_ms >= ?", sinceMs === undefined ? undefined : Math.ceil(sinceMs)],
    ["resume_key = ?", resumeKey],
    ["session >= ?", sessionPrefix],
    ["session < ?", sessionPrefix === undefined ? undefined : `${sessionPrefix}\u{10ffff}`],
  ]);
}
