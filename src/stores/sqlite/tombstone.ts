import type { SessionKey } from "../../core/ids.ts";
import type { Tombstone } from "../../core/store.ts";
import type { Connection } from "./connection.ts";

/** What is left of a dropped session, if it was dropped. */
export function findTombstone(
  connection: Connection,
  { project, session }: SessionKey,
): Tombstone | undefined {
  const row = connection.get<TombstoneRow>(tombstoneSql, project, session);
  if (row === undefined) return undefined;
  return {
    project,
    session,
    droppedAtMs: row.dropped_at_ms,
    actor: row.actor,
    reason: row.reason,
    sealed: row.sealed === 1,
  };
}

interface TombstoneRow {
  readonly dropped_at_ms: number;
  readonly actor: string;
  readonly reason: string | null;
  readonly sealed: number;
}

const tombstoneSql =
  "SELECT dropped_at_ms, actor, reason, sealed FROM tombstone WHERE project = ? AND session = ?";
