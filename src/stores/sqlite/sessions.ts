import type { SQLInputValue } from "node:sqlite";
import { checkLimit, filterKeyOf } from "../../core/checks.ts";
import { decodeCursor, encodeCursor } from "../../core/cursor.ts";
import type { SessionPage, SessionsFilter, SessionsParams } from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { type SessionColumns, sessionColumnsSql, toStoredSession } from "./session.ts";

/** One page of sessions, newest first; walks an index and never opens a log. */
export function sessions(
  connection: Connection,
  { filter = {}, cursor, limit = 50 }: SessionsParams,
): SessionPage {
  checkLimit(limit, 1000);
  const filterKey = filterKeyOf(filter);
  const { conditions, values } = conditionsOf(filter);
  if (cursor !== undefined) {
    const { updatedAtMs, rowId } = decodeCursor(cursor, filterKey);
    conditions.push("(updated_at_ms, id) < (?, ?)");
    values.push(updatedAtMs, rowId);
  }
  const where = `WHERE ${["hidden = 0", ...conditions].join(" AND ")}`;
  const sql = `${sessionColumnsSql} ${where} ORDER BY updated_at_ms DESC, id DESC LIMIT ?`;
  const found = connection.tuples<SessionColumns>(sql, ...values, limit + 1).map(toStoredSession);
  const page = found.length > limit ? found.slice(0, limit) : found;
  const rows = page.map(({ row }) => row);
  const last = page.at(-1);
  if (found.length <= limit || last === undefined) return { sessions: rows };
  const end = { updatedAtMs: last.row.updatedAtMs, rowId: last.id };
  return { sessions: rows, cursor: encodeCursor(end, filterKey) };
}

function conditionsOf({ project, provider, title, sinceMs, sessionPrefix, resumeKey }: SessionsFilter) {
  const given: [string, SQLInputValue | undefined][] = [
    ["project = ?", project],
    ["provider = ?", provider],
    ["instr(title_folded, ?) > 0", title?.toLowerCase()],
    ["updated_at_ms >= ?", sinceMs],
    ["resume_key = ?", resumeKey],
    ["session >= ?", sessionPrefix],
    ["session < ?", sessionPrefix === undefined ? undefined : `${sessionPrefix}\u{10ffff}`],
  ];
  const used = given.filter((pair): pair is [string, SQLInputValue] => pair[1] !== undefined);
  return { conditions: used.map(([condition]) => condition), values: used.map(([, value]) => value) };
}
