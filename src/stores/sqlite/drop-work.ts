import type { SessionKey } from "../../core/ids.ts";
import type { Connection } from "./connection.ts";
import { endLease, findLane, refreshQueue } from "./lane.ts";

/** Removes a session's inputs, runs, usage and documents, ends its lease for good, and says whether there was anything. */
export function dropWork(connection: Connection, key: SessionKey): boolean {
  const { project, session } = key;
  const lane = findLane(connection, key);
  let removed = 0;
  for (const table of ["input", "run", "usage", "document"])
    removed += connection.run(`DELETE FROM ${table} WHERE project = ? AND session = ?`, project, session);
  if (lane === undefined) return removed > 0;
  if (lane.epoch > 0) endLease(connection, lane, lane.epoch + 1);
  connection.run("UPDATE lane SET open_run = NULL, running = 0 WHERE id = ?", lane.id);
  refreshQueue(connection, key);
  return removed > 0 || lane.owner !== null;
}
