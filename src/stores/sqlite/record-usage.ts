import type { SessionKey } from "../../core/ids.ts";
import { greaterUsage, type RecordUsageParams, type Tokens, type UsageRow } from "../../core/usage.ts";
import type { Connection } from "./connection.ts";
import { findTombstone } from "./tombstone.ts";

/** Counts the responses that are not counted yet. */
export function recordUsage(
  connection: Connection,
  { session, rows }: RecordUsageParams,
): { readonly added: number } {
  if (findTombstone(connection, session) !== undefined) return { added: 0 };
  return { added: addUsage(connection, session, rows) };
}

/** Adds the rows whose keys are new in the store, and says how many those were; of the others the greater stays. */
export function addUsage(connection: Connection, key: SessionKey, rows: readonly UsageRow[]): number {
  let added = 0;
  for (const row of rows) {
    const known = findUsage(connection, row.key);
    if (known === undefined) added += 1;
    const { model, atMs, tokens, microDollars } = known === undefined ? row : greaterUsage(known, row);
    const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = tokens;
    const values = [model, atMs, input, output, cacheRead, cacheWrite5m, cacheWrite1h, microDollars];
    if (known === undefined) connection.run(insertSql, row.key, key.project, key.session, ...values);
    else connection.run(updateSql, ...values, row.key);
  }
  return added;
}

function findUsage(connection: Connection, key: string): UsageRow | undefined {
  const row = connection.get<Omit<UsageRow, "tokens"> & Tokens>(usageSql, key);
  if (row === undefined) return undefined;
  const { model, atMs, microDollars, ...tokens } = row;
  return { key, model, atMs, microDollars, tokens };
}

const usageSql = `
  SELECT model, at_ms AS atMs, micro_dollars AS microDollars, input, output, cache_read AS cacheRead,
    cache_write_5m AS cacheWrite5m, cache_write_1h AS cacheWrite1h FROM usage WHERE key = ?`;
const insertSql = `
  INSERT INTO usage (key, project, session, model, at_ms, input, output, cache_read, cache_write_5m,
    cache_write_1h, micro_dollars) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const updateSql = `
  UPDATE usage SET model = ?, at_ms = ?, input = ?, output = ?, cache_read = ?, cache_write_5m = ?,
    cache_write_1h = ?, micro_dollars = ? WHERE key = ?`;
