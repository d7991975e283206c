import { unknownSession } from "../../core/checks.ts";
import { liveLease } from "../../core/fence.ts";
import type { ClearLeaseParams, ClearLeaseResult } from "../../core/lease.ts";
import type { LockedSession } from "./in-session.ts";
import { endLease } from "./lane.ts";
import { recordAudit } from "./record-audit.ts";
import { recordChange } from "./record-change.ts";

/** Ends whatever lease there is, so that its holder's next write is refused. */
export async function clearLease(
  session: LockedSession,
  { actor, reason }: ClearLeaseParams,
): Promise<ClearLeaseResult> {
  const { query, key, lane, now } = session;
  const { count } = await query(forgetSql, key.project, key.session);
  if (lane.epoch === 0 && count === 0) throw unknownSession(key);
  const epoch = lane.epoch + 1;
  await Promise.all([
    endLease(session, epoch),
    recordAudit(query, { key, atMs: now, actor, verb: "lease_cleared", reason }),
    recordChange(query, { key, atMs: now, kind: "lease_cleared" }),
  ]);
  return { cleared: liveLease(key, lane, now), epoch };
}

const forgetSql = "UPDATE hf.session SET resume_token = NULL WHERE project = $1 AND session = $2";
