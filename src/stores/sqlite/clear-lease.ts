import { unknownSession } from "../../core/checks.ts";
import { liveLease } from "../../core/fence.ts";
import type { ClearLeaseParams, ClearLeaseResult } from "../../core/lease.ts";
import type { Connection } from "./connection.ts";
import { endLease, findLane, laneOf } from "./lane.ts";
import { recordAudit } from "./record-audit.ts";
import { recordChange } from "./record-change.ts";
import { findSession } from "./session.ts";

/** Ends whatever lease there is, so that its holder's next write is refused. */
export function clearLease(
  connection: Connection,
  { session: key, actor, reason }: ClearLeaseParams,
  now: number,
): ClearLeaseResult {
  const everLeased = (findLane(connection, key)?.epoch ?? 0) > 0;
  if (!everLeased && findSession(connection, key) === undefined) throw unknownSession(key);
  const lane = laneOf(connection, key);
  const epoch = lane.epoch + 1;
  endLease(connection, lane, epoch);
  connection.run(forgetSql, key.project, key.session);
  recordAudit(connection, { key, atMs: now, actor, verb: "lease_cleared", reason });
  recordChange(connection, { key, atMs: now, kind: "lease_cleared" });
  return { cleared: liveLease(key, lane, now), epoch };
}

const forgetSql = "UPDATE session SET resume_token = NULL WHERE project = ? AND session = ?";
