import { checkFence } from "../../core/fence.ts";
import type { Lease, RenewLeaseParams } from "../../core/lease.ts";
import { findLane } from "./lane.ts";
import type { State } from "./state.ts";

/** Makes a live lease last from now on. */
export function renewLease(state: State, { session: key, epoch, leaseMs }: RenewLeaseParams): Lease {
  const now = state.clock.now();
  const lane = findLane(state, key);
  const live = checkFence(key, lane?.lease, { epoch }, now);
  const { owner, sinceMs } = live;
  const untilMs = now + leaseMs;
  lane!.lease = { epoch, owner, sinceMs, untilMs };
  return { ...live, untilMs };
}
