import { liveLease } from "../../core/fence.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Lease } from "../../core/lease.ts";
import { findLane } from "./lane.ts";
import type { State } from "./state.ts";

/** The lease that is live now. */
export function lease(state: State, key: SessionKey): Lease | null {
  return liveLease(key, findLane(state, key)?.lease, state.clock.now());
}
