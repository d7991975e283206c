import type { SessionKey } from "../../core/ids.ts";
import type { Tombstone } from "../../core/store.ts";
import type { Connection } from "./connection.ts";

/** What is left of a dropped session, if it was dropped. */
export function findTombstone(
  connection: Connection,
  { project, session }: SessionKey,
): Tombstone | undefined {
  const row = connection.get<TombstoneRow>(tombstoneSql, project, session);
  return row && toTombstone(row);
}

/** The row as the port gives it. */
export function toTombstone({ sealed, ...row }: TombstoneRow): Tombstone {
  return { ...row, sealed: sealed === 1 };
}

export type TombstoneRow = Omit<Tombstone, "sealed"> & { readonly sealed: number };

/** What a query of tombstones gives. */
export const tombstoneColumns = "project, session, dropped_at_ms AS droppedAtMs, actor, reason, sealed";

const tombstoneSql = `SELECT ${tombstoneColumns} FROM tombstone WHERE project = ? AND session = ?`;
