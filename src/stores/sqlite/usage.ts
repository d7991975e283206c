import { type UsageGroup, usageGroupOf, type UsageParams, type UsageSums } from "../../core/usage.ts";
import type { Connection } from "./connection.ts";
import { whereOf } from "./where.ts";

/** Sums of what the responses used. */
export function usage(connection: Connection, params: UsageParams): UsageGroup[] {
  const { by, project, session, sinceMs, untilMs } = params;
  const name = typeof by === "string" ? groupSql[by] : labelSql;
  const { where, values } = whereOf([
    ["u.project = ?", session?.project],
    ["u.session = ?", session?.session],
    ["u.project = ?", project],
    ["u.at_ms >= ?", sinceMs],
    ["u.at_ms < ?", untilMs],
  ]);
  const label = typeof by === "string" ? [] : [by.label];
  const sql = `SELECT ${name} AS name, ${sumsSql} ${where} GROUP BY 1 ORDER BY 1 NULLS LAST`;
  const rows = connection.all<UsageSums>(sql, ...label, ...values);
  return rows.map(usageGroupOf);
}

const groupSql = {
  day: "strftime('%Y-%m-%d', u.at_ms / 1000, 'unixepoch')",
  model: "u.model",
  project: "u.project",
  session: "u.session",
} as const;
// Not a path of JSON: a label may hold any character.
const labelSql = `
  (SELECT j.value FROM session s, json_each(s.labels) j
   WHERE s.project = u.project AND s.session = u.session AND j.key = ?)`;
const sumsSql = `
  count(*) AS responses, sum(u.input) AS input, sum(u.output) AS output, sum(u.cache_read) AS cacheRead,
  sum(u.cache_write_5m) AS cacheWrite5m, sum(u.cache_write_1h) AS cacheWrite1h,
  coalesce(sum(u.micro_dollars), 0) AS microDollars, count(*) - count(u.micro_dollars) AS unpriced FROM usage u`;
