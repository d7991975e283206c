import { unknownSession } from "../../core/checks.ts";
import { liveLease } from "../../core/fence.ts";
import type { ClearLeaseParams, ClearLeaseResult } from "../../core/lease.ts";
import { endLease, epochOf, findLane, laneOf } from "./lane.ts";
import { recordAudit } from "./record-audit.ts";
import { recordChange } from "./record-change.ts";
import { idOf, type State } from "./state.ts";

/** Ends whatever lease there is, for an operator. */
export function clearLease(
  state: State,
  { session: key, actor, reason }: ClearLeaseParams,
): ClearLeaseResult {
  const now = state.clock.now();
  const session = state.sessions.get(idOf(key));
  const row = findLane(state, key)?.lease;
  if (row === undefined && session === undefined) throw unknownSession(key);
  const cleared = liveLease(key, row, now);
  const lane = laneOf(state, key);
  endLease(lane, epochOf(lane) + 1);
  if (session !== undefined) session.resumeToken = null;
  recordAudit(state, { key, atMs: now, verb: "lease_cleared", actor, reason });
  recordChange(state, { key, atMs: now, kind: "lease_cleared" });
  return { cleared, epoch: epochOf(lane) };
}
