import type { AcquireLeaseParams, Lease } from "../../core/lease.ts";
import type { LockedSession } from "./in-session.ts";

/** x */
export async function acquireLease(_session: LockedSession, _params: AcquireLeaseParams): Promise<Lease> {
  throw new Error("not built");
}
