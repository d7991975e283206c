import type { ReleaseLeaseParams } from "../../core/lease.ts";
import type { LockedSession } from "./in-session.ts";

/** x */
export async function releaseLease(
  _session: LockedSession,
  _params: ReleaseLeaseParams,
): Promise<{ readonly released: boolean }> {
  throw new Error("not built");
}
