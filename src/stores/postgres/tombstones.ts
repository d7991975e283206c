import { checkLimit } from "../../core/checks.ts";
import type { Tombstone, TombstonesParams } from "../../core/store.ts";
import type { Query } from "./client.ts";
import { tombstoneColumns } from "./tombstone.ts";
import { whereOf } from "./where.ts";

/** What is left of dropped sessions, the newest removal first. */
export async function tombstones(
  query: Query,
  { project, sessionPrefix = "", limit = 50 }: TombstonesParams,
): Promise<readonly Tombstone[]> {
  checkLimit(limit, 1000);
  const { where, values } = whereOf([
    ["session >= ?", sessionPrefix],
    ["session < ?", `${sessionPrefix}\u{10ffff}`],
    ["project = ?", project],
  ]);
  const sql = `
    SELECT ${tombstoneColumns} FROM hf.tombstone ${where}
    ORDER BY dropped_at_ms DESC, id DESC LIMIT $${values.length + 1}`;
  return [...(await query<Tombstone>(sql, ...values, limit))];
}
