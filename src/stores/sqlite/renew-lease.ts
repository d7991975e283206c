import { checkFence } from "../../core/fence.ts";
import type { Lease, RenewLeaseParams } from "../../core/lease.ts";
import type { Connection } from "./connection.ts";
import { findLane } from "./lane.ts";

/** Prolongs a lease that is still live. */
export function renewLease(
  connection: Connection,
  { session: key, epoch, leaseMs }: RenewLeaseParams,
  now: number,
): Lease {
  const lane = findLane(connection, key);
  const live = checkFence(key, lane, { epoch }, now);
  connection.run("UPDATE lane SET until_ms = ? WHERE id = ?", now + leaseMs, lane!.id);
  return { ...live, untilMs: now + leaseMs };
}
