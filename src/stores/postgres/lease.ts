import { liveLease } from "../../core/fence.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Lease } from "../../core/lease.ts";
import type { Query } from "./client.ts";
import { nowSql } from "./in-session.ts";
import { type Lane, laneColumns } from "./lane.ts";

/** The lease that is live now; `now` is the test's time, or null for the server's own. */
export async function lease(
  query: Query,
  { project, session }: SessionKey,
  now: number | null,
): Promise<Lease | null> {
  const [row] = await query<Lane & { readonly now: number }>(leaseSql, project, session, now);
  return row === undefined ? null : liveLease({ project, session }, row, row.now);
}

const leaseSql = `
  SELECT ${laneColumns}, ${nowSql("$3")} AS now FROM hf.lane WHERE project = $1 AND session = $2`;
