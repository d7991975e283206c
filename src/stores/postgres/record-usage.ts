import type { SessionKey } from "../../core/ids.ts";
import { greaterUsage, type RecordUsageParams, type Tokens, type UsageRow } from "../../core/usage.ts";
import type { Query, Value } from "./client.ts";
import type { LockedSession } from "./in-session.ts";
import { ownJson } from "./own-values.ts";
import { findTombstone } from "./tombstone.ts";

/** Counts the responses that are not counted yet. */
export async function recordUsage(
  { query, key }: LockedSession,
  { rows }: RecordUsageParams,
): Promise<{ readonly added: number }> {
  if ((await findTombstone(query, key)) !== undefined) return { added: 0 };
  return { added: await addUsage(query, key, rows) };
}

/** Adds the rows whose keys are new in the store, and says how many those were; of the others the greater stays. */
async function addUsage(
  query: Query,
  { project, session }: SessionKey,
  rows: readonly UsageRow[],
): Promise<number> {
  return (await writeUsage(query, { project, session }, rows)).filter(({ added }) => added).length;
}

/** Takes the usage of responses that another store has counted, and says how many of them changed anything. */
export async function adoptUsage({ query, key }: LockedSession, rows: readonly UsageRow[]): Promise<number> {
  if (rows.length === 0 || (await findTombstone(query, key)) !== undefined) return 0;
  return (await writeUsage(query, key, rows)).length;
}

/** The rows of a query's rest. */
export async function usageRows(
  query: Query,
  rest: string,
  ...values: readonly Value[]
): Promise<UsageRow[]> {
  const rows = await query<Omit<UsageRow, "tokens"> & Tokens>(`${usageSql} ${rest}`, ...values);
  return rows.map(({ key, model, atMs, microDollars, ...tokens }) => ({
    key,
    model,
    atMs,
    microDollars,
    tokens,
  }));
}

async function writeUsage(
  query: Query,
  { project, session }: SessionKey,
  rows: readonly UsageRow[],
): Promise<readonly { readonly added: boolean }[]> {
  return rows.length === 0
    ? []
    : await query<{ added: boolean }>(addUsageSql("$3"), project, session, usageText(rows));
}

/** The rows as the statement takes them: each key once, in an order that two writers of the same keys share. */
export function usageText(rows: readonly UsageRow[]): string {
  const greatest = new Map<string, UsageRow>();
  for (const row of rows) {
    const known = greatest.get(row.key);
    greatest.set(row.key, known === undefined ? row : greaterUsage(known, row));
  }
  const sorted = [...greatest.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1));
  return ownJson(sorted.map(({ tokens, ...row }) => ({ ...row, ...tokens })));
}

/** Adds usage to session $1, $2 from the JSON of a parameter, and says for each row that was written whether it is new. */
export function addUsageSql(parameter: string, from = ""): string {
  return `
  INSERT INTO hf.usage AS u (project, session, key, model, at_ms, input, output, cache_read, cache_write_5m,
    cache_write_1h, micro_dollars)
  SELECT $1, $2, g.* FROM ${from} jsonb_to_recordset(${parameter}::text::jsonb) AS g (key text, model text, "atMs" bigint,
    input bigint, output bigint, "cacheRead" bigint, "cacheWrite5m" bigint, "cacheWrite1h" bigint, "microDollars" bigint)
  ON CONFLICT (key) DO UPDATE SET ${kept.map((column) => `${column} = excluded.${column}`).join(", ")}
  WHERE (${tokensOf("excluded")}) > (${tokensOf("u")}) OR (${tokensOf("excluded")}) = (${tokensOf("u")}) AND (
    u.micro_dollars IS NULL AND excluded.micro_dollars IS NOT NULL
    OR (u.micro_dollars IS NULL) = (excluded.micro_dollars IS NULL) AND excluded.at_ms < u.at_ms)
  RETURNING xmax = 0 AS added`;
}

const usageSql = `
  SELECT key, model, at_ms AS "atMs", micro_dollars AS "microDollars", input, output, cache_read AS "cacheRead",
    cache_write_5m AS "cacheWrite5m", cache_write_1h AS "cacheWrite1h" FROM hf.usage`;
// In the order in which `greaterUsage` compares them.
const tokens = ["output", "input", "cache_read", "cache_write_5m", "cache_write_1h"];
const kept = ["model", "at_ms", ...tokens, "micro_dollars"];

function tokensOf(row: string): string {
  return tokens.map((column) => `${row}.${column}`).join(", ");
}
