import type { LeaseRow } from "../../core/fence.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Lease } from "../../core/lease.ts";
import type { Query } from "./client.ts";
import type { LockedSession } from "./in-session.ts";

/** A session's lock and work: its lease, the run that is open, and the next input. */
export interface Lane extends LeaseRow, SessionKey {
  readonly version: number;
  /** The open run's id. */
  readonly openRun: string | null;
}

/** The session's lane without its lock, if it has one. */
export async function findLane(query: Query, { project, session }: SessionKey): Promise<Lane | undefined> {
  return (await query<Lane>(laneSql, project, session))[0];
}

/** Begins a lease under a new epoch. */
export async function beginLease(
  { query, key, lane, now }: LockedSession,
  { owner, leaseMs }: NewLease,
): Promise<Lease> {
  const lease = { ...key, epoch: lane.epoch + 1, owner, sinceMs: now, untilMs: now + leaseMs };
  await query(beginSql, key.project, key.session, lease.epoch, owner, now, lease.untilMs);
  return lease;
}

interface NewLease {
  readonly owner: string;
  readonly leaseMs: number;
}

/** Ends whatever lease there is; the epoch is kept or made greater. */
export async function endLease({ query, key, lane }: LockedSession, newEpoch = lane.epoch): Promise<void> {
  await query(endSql, key.project, key.session, newEpoch);
}

/** Sets a lane's next input anew from what is queued. */
export async function refreshQueue(query: Query, { project, session }: SessionKey): Promise<void> {
  await query(refreshSql, project, session);
}

/** What a query of lanes gives. */
export const laneColumns = `
  project, session, version, epoch, owner, since_ms AS "sinceMs", until_ms AS "untilMs", open_run AS "openRun"`;

const ofSession = "WHERE project = $1 AND session = $2";
const laneSql = `SELECT ${laneColumns} FROM hf.lane ${ofSession}`;
const beginSql = `UPDATE hf.lane SET epoch = $3, owner = $4, since_ms = $5, until_ms = $6 ${ofSession}`;
const endSql = `UPDATE hf.lane SET epoch = $3, owner = NULL, since_ms = 0, until_ms = 0 ${ofSession}`;
const refreshSql = `
  UPDATE hf.lane SET (next_input, next_priority) = (
    SELECT id, priority FROM hf.input WHERE project = $1 AND session = $2 AND state = 'queued'
    ORDER BY priority DESC, id LIMIT 1)
  ${ofSession}`;
