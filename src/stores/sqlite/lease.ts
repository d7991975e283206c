import { liveLease } from "../../core/fence.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Lease } from "../../core/lease.ts";
import type { Connection } from "./connection.ts";
import { findLane } from "./lane.ts";

/** The lease that is live now. */
export function lease(connection: Connection, key: SessionKey, now: number): Lease | null {
  return liveLease(key, findLane(connection, key), now);
}
