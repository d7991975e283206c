import type { ReleaseLeaseParams } from "../../core/lease.ts";
import type { Writer } from "./in-session.ts";

/** Ends the lease if it is still this one. */
export async function releaseLease(
  { client }: Writer,
  { session: { project, session }, epoch }: ReleaseLeaseParams,
): Promise<{ readonly released: boolean }> {
  const { count } = await client.write(releaseSql, project, session, epoch);
  return { released: count > 0 };
}

const releaseSql = `
  UPDATE hf.lane SET owner = NULL, since_ms = 0, until_ms = 0
  WHERE project = $1 AND session = $2 AND epoch = $3 AND owner IS NOT NULL`;
