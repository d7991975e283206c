import { checkTombstone } from "../../core/checks.ts";
import { liveLease } from "../../core/fence.ts";
import { type AcquireLeaseParams, type Lease, sessionBusy } from "../../core/lease.ts";
import type { LockedSession } from "./in-session.ts";
import { beginLease } from "./lane.ts";
import { findTombstone } from "./tombstone.ts";

/** Begins a lease unless one is live. */
export async function acquireLease(
  session: LockedSession,
  { owner, leaseMs }: AcquireLeaseParams,
): Promise<Lease> {
  const { query, key, lane, now } = session;
  checkTombstone(await findTombstone(query, key), key, "unsealed");
  const live = liveLease(key, lane, now);
  if (live !== null) throw sessionBusy(live);
  return beginLease(session, { owner, leaseMs });
}
