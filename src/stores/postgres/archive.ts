import { discardedLog, type Run } from "../../core/run.ts";
import type { LockedSession } from "./in-session.ts";
import type { StagedLog } from "./tail.ts";

/** Moves what a run has staged to logs of its own, so that the others are exactly what they were. */
export async function archive(session: LockedSession, staged: readonly StagedLog[], run: Run): Promise<void> {
  await Promise.all(staged.map((log) => archiveLog(session, log, discardedLog(run.id, log.log))));
}

// In this order on one connection: the times are read from where the chunks still are, and stay where they were.
async function archiveLog(
  { query, key: { project, session } }: LockedSession,
  { logId, from, to, length, log }: StagedLog,
  name: string,
): Promise<void> {
  const committed = from - 1;
  await Promise.all([
    query(createSql, project, session, name, logId, committed, to, to - committed, length),
    query(moveSql, project, session, name, logId, committed),
    query(cutSql, project, session, log, logId, committed),
    query(
      "DELETE FROM hf.log WHERE project = $1 AND session = $2 AND name = $3 AND head = 0",
      project,
      session,
      log,
    ),
  ]);
}

const timeSql = (column: "first_seq" | "last_seq", seq: string): string => `
  (SELECT (c.times::json ->> ${column === "first_seq" ? 0 : -1})::bigint FROM hf.chunk c
   WHERE c.project = $1 AND c.session = $2 AND c.log_id = $4 AND c.${column} = ${seq})`;
const createSql = `
  INSERT INTO hf.log (project, session, name, head, committed, length, created_at_ms, updated_at_ms)
  VALUES ($1, $2, $3, $7, $7, $8, ${timeSql("first_seq", "$5::bigint + 1")}, ${timeSql("last_seq", "$6::bigint")})`;
const moveSql = `
  UPDATE hf.chunk SET first_seq = first_seq - $5, last_seq = last_seq - $5,
    log_id = (SELECT id FROM hf.log WHERE project = $1 AND session = $2 AND name = $3)
  WHERE project = $1 AND session = $2 AND log_id = $4 AND first_seq > $5`;
const cutSql = `
  UPDATE hf.log SET head = $5, staged_length = 0, cuts = cuts + 1,
    updated_at_ms = coalesce(${timeSql("last_seq", "$5::bigint")}, 0)
  WHERE project = $1 AND session = $2 AND name = $3`;
