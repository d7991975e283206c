import { checkLimit, filterKeyOf } from "../../core/checks.ts";
import { decodeCursor, encodeCursor } from "../../core/cursor.ts";
import type { SessionPage, SessionsFilter, SessionsParams } from "../../core/store.ts";
import type { Query, Value } from "./client.ts";
import { type SessionColumns, sessionColumns, type StoredSession, toStoredSessions } from "./session.ts";
import { eighthOf, eighthSql } from "./updated.ts";
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
  const n = values.length + 1;
  // Eighths of a second lead to the rows of the index, and the time itself to the place among them.
  const behind = `updated_eighth <= ${eighthSql(`$${n}::bigint`)} AND (updated_at_ms, id) < ($${n}, $${n + 1})`;
  const conditions = after === undefined ? where : `${where} AND ${behind}`;
  const found = await newest(query, conditions, [...values, ...end], limit + 1);
  const page = found.length > limit ? found.slice(0, limit) : found;
  const rows = page.map(({ row }) => row);
  const last = page.at(-1);
  if (found.length <= limit || last === undefined) return { sessions: rows };
  const position = { updatedAtMs: last.row.updatedAtMs, rowId: last.id };
  return { sessions: rows, cursor: encodeCursor(position, filterKey) };
}

/** The first rows. The server need not sort a long page: it gives some more by the index, and their order is made here. */
async function newest(
  query: Query,
  conditions: string,
  values: readonly Value[],
  count: number,
): Promise<readonly StoredSession[]> {
  const sql = (order: string): string => `
    SELECT ${sessionColumns} FROM hf.session ${conditions} ORDER BY ${order} LIMIT $${values.length + 1}`;
  if (count > longPage) {
    const most = count + spare;
    const rows = await query<SessionColumns>(sql("updated_eighth DESC"), ...values, most);
    const sorted = toStoredSessions(rows).toSorted(byTime);
    // More of the last eighth may be missing here.
    const end = sorted.length < most ? -1 : eighthOf(sorted.at(-1)!.row.updatedAtMs);
    const whole = sorted.filter(({ row }) => eighthOf(row.updatedAtMs) > end);
    if (end === -1 || whole.length >= count) return whole.slice(0, count);
  }
  const exact = sql("updated_eighth DESC, updated_at_ms DESC, id DESC");
  return toStoredSessions(await query<SessionColumns>(exact, ...values, count));
}

function byTime(one: StoredSession, other: StoredSession): number {
  return other.row.updatedAtMs - one.row.updatedAtMs || other.id - one.id;
}

// As many as a busy store writes in an eighth of a second.
const spare = 64;
const longPage = 200;

function conditionsOf({ project, provider, title, sinceMs, sessionPrefix, resumeKey }: SessionsFilter) {
  return whereOf([
    ["hidden = ?", false],
    ["project = ?", project],
    ["provider = ?", provider],
    ["strpos(title_folded, ?) > 0", title?.toLowerCase()],
    // A parameter of the column's type takes no fraction.
    [
      `updated_eighth >= ${eighthSql("?::bigint")} AND updated_at_ms >= ?`,
      sinceMs === undefined ? undefined : Math.ceil(sinceMs),
    ],
    ["resume_key = ?", resumeKey],
    ["session >= ?", sessionPrefix],
    ["session < ?", sessionPrefix === undefined ? undefined : `${sessionPrefix}\u{10ffff}`],
  ]);
}
