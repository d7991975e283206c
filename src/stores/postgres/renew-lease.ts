import { type Lease, leaseLost, type RenewLeaseParams } from "../../core/lease.ts";
import { type Writer, nowSql } from "./in-session.ts";

/** Prolongs a lease that is still live; no write of the session's, so that what its writers know of it stays true. */
export async function renewLease(
  { client, now }: Writer,
  { session: { project, session }, epoch, leaseMs }: RenewLeaseParams,
): Promise<Lease> {
  const [lease] = await client.write<Lease>(renewSql, project, session, epoch, leaseMs, now());
  if (lease === undefined) throw leaseLost({ project, session }, epoch);
  return lease;
}

const renewSql = `
  UPDATE hf.lane SET until_ms = ${nowSql("$5")} + $4
  WHERE project = $1 AND session = $2 AND epoch = $3 AND owner IS NOT NULL AND until_ms > ${nowSql("$5")}
  RETURNING project, session, epoch, owner, since_ms AS "sinceMs", until_ms AS "untilMs"`;
