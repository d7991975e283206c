import type { ClearLeaseParams, ClearLeaseResult } from "../../core/lease.ts";
import type { LockedSession } from "./in-session.ts";

/** x */
export async function clearLease(
  _session: LockedSession,
  _params: ClearLeaseParams,
): Promise<ClearLeaseResult> {
  throw new Error("not built");
}
