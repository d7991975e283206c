import { checkTombstone } from "../../core/checks.ts";
import { liveLease } from "../../core/fence.ts";
import { type AcquireLeaseParams, type Lease, sessionBusy } from "../../core/lease.ts";
import type { Connection } from "./connection.ts";
import { beginLease, laneOf } from "./lane.ts";
import { findTombstone } from "./tombstone.ts";

/** Begins a lease unless one is live. */
export function acquireLease(
  connection: Connection,
  { session: { project, session }, owner, leaseMs }: AcquireLeaseParams,
  now: number,
): Lease {
  const key = { project, session };
  checkTombstone(findTombstone(connection, key), key, "unsealed");
  const lane = laneOf(connection, key);
  const live = liveLease(key, lane, now);
  if (live !== null) throw sessionBusy(live);
  const { epoch, sinceMs, untilMs } = beginLease(connection, lane, { owner, leaseMs, now });
  return { ...key, epoch, owner, sinceMs, untilMs };
}
