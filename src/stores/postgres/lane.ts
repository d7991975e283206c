import type { LeaseRow } from "../../core/fence.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Query } from "./client.ts";

/** A session's lock and work: its lease, the run that is open, and the next input. */
export interface Lane extends LeaseRow, SessionKey {
  readonly version: number;
  /** The open run's id. */
  readonly openRun: string | null;
}

/** The session's lane without its lock, if it has one. */
export async function findLane(query: Query, { project, session }: SessionKey): Promise<Lane | undefined> {
  return (await query<Lane>(laneSql, project, session))[0];
}

/** What a query of lanes gives. */
export const laneColumns = `
  project, session, version, epoch, owner, since_ms AS "sinceMs", until_ms AS "untilMs", open_run AS "openRun"`;

const laneSql = `SELECT ${laneColumns} FROM hf.lane WHERE project = $1 AND session = $2`;
