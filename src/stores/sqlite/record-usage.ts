import type { SQLInputValue } from "node:sqlite";
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

/** Takes the usage of a response that another store has counted, and says whether that changed anything. */
export function adoptUsage(connection: Connection, key: SessionKey, row: UsageRow): boolean {
  const known = findUsage(connection, row.key);
  if (findTombstone(connection, key) !== undefined) return false;
  if (known !== undefined && greaterUsage(known, row) === known) return false;
  addUsage(connection, key, [row]);
  return true;
}

/** The rows of a query's rest. */
export function usageRows(connection: Connection, rest: string, ...values: SQLInputValue[]): UsageRow[] {
  return connection
    .all<Omit<UsageRow, "tokens"> & Tokens>(`${usageSql} ${rest}`, ...values)
    .map(({ key, model, atMs, microDollars, ...tokens }) => ({ key, model, atMs, microDollars, tokens }));
}

function findUsage(connection: Connection, key: string): UsageRow | undefined {
  return usageRows(connection, "WHERE key = ?", key)[0];
}

const usageSql = `
  SELECT key, model, at_ms AS atMs, micro_dollars AS microDollars, input, output, cache_read AS cacheRead,
    cache_write_5m AS cacheWrite5m, cache_write_1h AS cacheWrite1h FROM usage`;
const insertSql = `
  INSERT INTO usage (key, project, session, model, at_ms, input, output, cache_read, cache_write_5m,
    cache_write_1h, micro_dollars) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const updateSql = `
  UPDATE usage SET model = ?, at_ms = ?, input = ?, output = ?, cache_read = ?, cache_write_5m = ?,
    cache_write_1h = ?, micro_dollars = ? WHERE key = ?`;
