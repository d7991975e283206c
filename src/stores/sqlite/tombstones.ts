import { checkLimit } from "../../core/checks.ts";
import type { Tombstone, TombstonesParams } from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { tombstoneColumns, type TombstoneRow, toTombstone } from "./tombstone.ts";
import { limited } from "./where.ts";

/** What is left of dropped sessions, the newest removal first. */
export function tombstones(
  connection: Connection,
  { project, sessionPrefix = "", limit = 50 }: TombstonesParams,
): Tombstone[] {
  checkLimit(limit, 1000);
  const end = `${sessionPrefix}\u{10ffff}`;
  return connection
    .all<TombstoneRow>(tombstonesSql, sessionPrefix, end, project ?? null, project ?? null, limit)
    .map(toTombstone);
}

const tombstonesSql = `
  SELECT ${tombstoneColumns} FROM tombstone
  WHERE session >= ? AND session < ? AND (? IS NULL OR project = ?)
  ORDER BY dropped_at_ms DESC, rowid DESC ${limited}`;
