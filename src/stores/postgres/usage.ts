import { type UsageGroup, usageGroupOf, type UsageParams, type UsageSums } from "../../core/usage.ts";
import type { Query, Value } from "./client.ts";
import { whereOf } from "./where.ts";

/** Sums of what the responses used. */
export async function usage(query: Query, params: UsageParams): Promise<readonly UsageGroup[]> {
  const { by, project, session, sinceMs, untilMs } = params;
  const { where, values } = whereOf([
    ["u.project = ?", session?.project],
    ["u.session = ?", session?.session],
    ["u.project = ?", project],
    // A parameter of the column's type takes no fraction.
    ["u.at_ms >= ?", sinceMs === undefined ? undefined : Math.ceil(sinceMs)],
    ["u.at_ms < ?", untilMs === undefined ? undefined : Math.ceil(untilMs)],
  ]);
  const all: Value[] = typeof by === "string" ? values.slice() : [...values, by.label];
  const name = typeof by === "string" ? groupSql[by] : labelSql(`$${all.length}`);
  const sql = `SELECT ${name} COLLATE "C" AS name, ${sumsSql} ${where} GROUP BY 1 ORDER BY 1 NULLS LAST`;
  const rows = await query<UsageSums>(sql, ...all);
  return rows.map(usageGroupOf);
}

const groupSql = {
  day: "to_char(to_timestamp(u.at_ms / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
  model: "u.model",
  project: "u.project",
  session: "u.session",
} as const;
const labelSql = (label: string): string => `
  (SELECT s.labels::json ->> ${label}::text FROM hf.session s WHERE s.project = u.project AND s.session = u.session)`;
// A sum of 64-bit integers is a numeric.
const sumsSql = `
  count(*) AS responses, sum(u.input)::bigint AS input, sum(u.output)::bigint AS output,
  sum(u.cache_read)::bigint AS "cacheRead", sum(u.cache_write_5m)::bigint AS "cacheWrite5m",
  sum(u.cache_write_1h)::bigint AS "cacheWrite1h", coalesce(sum(u.micro_dollars), 0)::bigint AS "microDollars",
  count(*) - count(u.micro_dollars) AS unpriced FROM hf.usage u`;
