import type { RenewLeaseParams, Lease } from "../../core/lease.ts";
import type { LockedSession } from "./in-session.ts";

/** x */
export async function renewLease(_session: LockedSession, _params: RenewLeaseParams): Promise<Lease> {
  throw new Error("not built");
}
