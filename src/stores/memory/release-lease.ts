import type { ReleaseLeaseParams } from "../../core/lease.ts";
import { endLease, findLane } from "./lane.ts";
import type { State } from "./state.ts";

/** Ends a lease, unless another one came after it. */
export function releaseLease(state: State, { session, epoch }: ReleaseLeaseParams): { released: boolean } {
  const lane = findLane(state, session);
  const released = lane?.lease?.epoch === epoch && lane.lease.owner !== null;
  if (released) endLease(lane);
  return { released };
}
