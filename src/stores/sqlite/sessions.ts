import { checkLimit, filterKeyOf } from "../../core/checks.ts";
import { decodeCursor, encodeCursor } from "../../core/cursor.ts";
import type { SessionPage, SessionsFilter, SessionsParams } from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { type SessionColumns, sessionColumnsSql, toStoredSession } from "./session.ts";
import { limited, whereOf } from "./where.ts";

/** One page of sessions, newest first; walks an index and never opens a log. */
export function sessions(
  connection: Connection,
  { filter = {}, cursor, limit = 50 }: SessionsParams,
): SessionPage {
  checkLimit(limit, 1000);
  const filterKey = filterKeyOf(filter);
  const { where, values } = conditionsOf(filter);
  const after = cursor === undefined ? undefined : decodeCursor(cursor, filterKey);
  const end = after === undefined ? [] : [after.updatedAtMs, after.rowId];
  const behind = after === undefined ? "" : "AND (updated_at_ms, id) < (?, ?)";
  const sql = `${sessionColumnsSql} ${where} ${behind} ORDER BY updated_at_ms DESC, id DESC ${limited}`;
  const found = connection.tuples<SessionColumns>(sql, ...values, ...end, limit + 1).map(toStoredSession);
  const page = found.length > limit ? found.slice(0, limit) : found;
  const rows = page.map(({ row }) => row);
  const last = page.at(-1);
  if (found.length <= limit || last === undefined) return { sessions: rows };
  const position = { updatedAtMs: last.row.updatedAtMs, rowId: last.id };
  return { sessions: rows, cursor: encodeCursor(position, filterKey) };
}

function conditionsOf({ project, provider, title, sinceMs, sessionPrefix, resumeKey }: SessionsFilter) {
  return whereOf([
    ["hidden = ?", 0],
    ["project = ?", project],
    ["provider = ?", provider],
    ["instr(title_folded, ?) > 0", title?.toLowerCase()],
    ["updated_at_ms >= ?", sinceMs],
    ["resume_key = ?", resumeKey],
    ["session >= ?", sessionPrefix],
    ["session < ?", sessionPrefix === undefined ? undefined : `${sessionPrefix}\u{10ffff}`],
  ]);
}
