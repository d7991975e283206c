import { checkTombstone } from "../../core/checks.ts";
import { liveLease } from "../../core/fence.ts";
import { type AcquireLeaseParams, type Lease, sessionBusy } from "../../core/lease.ts";
import { beginLease, findLane, laneOf } from "./lane.ts";
import { idOf, type State } from "./state.ts";

/** Begins a lease on a session, also on one that is still to be written. */
export function acquireLease(state: State, { session: key, owner, leaseMs }: AcquireLeaseParams): Lease {
  checkTombstone(state.tombstones.get(idOf(key)), key, "unsealed");
  const now = state.clock.now();
  const live = liveLease(key, findLane(state, key)?.lease, now);
  if (live !== null) throw sessionBusy(live);
  const { project, session } = key;
  const { epoch, sinceMs, untilMs } = beginLease(laneOf(state, key), owner, leaseMs, now);
  return { project, session, epoch, owner, sinceMs, untilMs };
}
