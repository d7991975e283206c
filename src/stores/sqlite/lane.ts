import type { LeaseRow } from "../../core/fence.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Connection } from "./connection.ts";

/** A session's work: its lease, the run that is open, and the next input. */
export interface Lane extends LeaseRow, SessionKey {
  readonly id: number;
  readonly openRun: number | null;
}

/** The session's lane, if it has one. */
export function findLane(connection: Connection, { project, session }: SessionKey): Lane | undefined {
  return connection.get<Lane>(laneSql, project, session);
}

/** The session's lane, made where there is none. */
export function laneOf(connection: Connection, key: SessionKey): Lane {
  const found = findLane(connection, key);
  if (found !== undefined) return found;
  connection.run("INSERT INTO lane (project, session) VALUES (?, ?)", key.project, key.session);
  return findLane(connection, key)!;
}

/** Begins a lease under a new epoch. */
export function beginLease(connection: Connection, { id, epoch }: Lane, lease: NewLease): LeaseRow {
  const { owner, leaseMs, now } = lease;
  const row = { epoch: epoch + 1, owner, sinceMs: now, untilMs: now + leaseMs };
  connection.run(beginSql, row.epoch, owner, now, row.untilMs, id);
  return row;
}

interface NewLease {
  readonly owner: string;
  readonly leaseMs: number;
  readonly now: number;
}

/** Ends whatever lease there is; the epoch is kept or made greater. */
export function endLease(connection: Connection, { id, epoch }: Lane, newEpoch = epoch): void {
  connection.run(
    "UPDATE lane SET epoch = ?, owner = NULL, since_ms = 0, until_ms = 0 WHERE id = ?",
    newEpoch,
    id,
  );
}

/** Sets a lane's next input anew from what is queued. */
export function refreshQueue(connection: Connection, { project, session }: SessionKey): void {
  connection.run(refreshSql, project, session);
}

/** Says that no run of the lane is open any more, ends its lease, and sets its next input anew. */
export function freeLane(connection: Connection, { project, session }: SessionKey): void {
  connection.run(freeSql, project, session);
}

/** What a query of lanes gives. */
export const laneColumns = `
  id, project, session, epoch, owner, since_ms AS sinceMs, until_ms AS untilMs, open_run AS openRun`;

const laneSql = `SELECT ${laneColumns} FROM lane WHERE project = ? AND session = ?`;
const beginSql = "UPDATE lane SET epoch = ?, owner = ?, since_ms = ?, until_ms = ? WHERE id = ?";
/** Sets a lane's next input in an UPDATE of it. */
export const nextColumns = `
  (next_input, next_priority) = (
    SELECT id, priority FROM input i WHERE i.project = lane.project AND i.session = lane.session AND i.state = 'queued'
    ORDER BY i.priority DESC, i.id LIMIT 1)`;
const refreshSql = `UPDATE lane SET ${nextColumns} WHERE project = ? AND session = ?`;
const freeSql = `
  UPDATE lane SET owner = NULL, since_ms = 0, until_ms = 0, open_run = NULL, running = 0, ${nextColumns}
  WHERE project = ? AND session = ?`;
