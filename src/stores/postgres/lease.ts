import type { SessionKey } from "../../core/ids.ts";
import type { Lease } from "../../core/lease.ts";
import type { Query } from "./client.ts";

/** x */
export async function lease(_query: Query, _key: SessionKey, _now: number | null): Promise<Lease | null> {
  throw new Error("not built");
}
