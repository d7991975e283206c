import type { ReleaseLeaseParams } from "../../core/lease.ts";
import type { Connection } from "./connection.ts";
import { endLease, findLane } from "./lane.ts";

/** Ends the lease if it is still this one. */
export function releaseLease(
  connection: Connection,
  { session, epoch }: ReleaseLeaseParams,
): { readonly released: boolean } {
  const lane = findLane(connection, session);
  if (lane === undefined || lane.epoch !== epoch || lane.owner === null) return { released: false };
  endLease(connection, lane);
  return { released: true };
}
