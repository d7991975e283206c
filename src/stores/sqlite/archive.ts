import { discardedLog, type Run } from "../../core/run.ts";
import type { Connection } from "./connection.ts";
import type { StagedLog } from "./tail.ts";

/** Moves what a run has staged to logs of its own, so that the others are exactly what they were. */
export function archive(connection: Connection, staged: readonly StagedLog[], run: Run): void {
  if (staged.length === 0) return;
  const { project, session } = run;
  const { id } = connection.get<{ id: number }>(sessionSql, project, session)!;
  for (const log of staged)
    archiveLog(connection, log, { sessionId: id, name: discardedLog(run.id, log.log) });
}

function archiveLog(
  connection: Connection,
  { logId, from, to, length }: StagedLog,
  { sessionId, name }: { readonly sessionId: number; readonly name: string },
): void {
  const committed = from - 1;
  const [first, last] = [
    timeOf(connection, logId, "first_seq", from),
    timeOf(connection, logId, "last_seq", to),
  ];
  const count = to - committed;
  const kept = connection.get<{ id: number }>(createSql, sessionId, name, count, count, length, first, last)!;
  connection.run(moveSql, kept.id, committed, committed, logId, committed);
  const before = committed === 0 ? 0 : timeOf(connection, logId, "last_seq", committed);
  connection.run(cutSql, committed, before, logId);
  connection.run("DELETE FROM log WHERE id = ? AND head = 0", logId);
}

function timeOf(
  connection: Connection,
  logId: number,
  column: "first_seq" | "last_seq",
  seq: number,
): number {
  const at = column === "first_seq" ? 0 : "#-1";
  const sql = `SELECT times ->> '$[${at}]' AS atMs FROM chunk WHERE log_id = ? AND ${column} = ?`;
  return connection.get<{ atMs: number }>(sql, logId, seq)!.atMs;
}

const sessionSql = "SELECT id FROM session WHERE project = ? AND session = ?";
const createSql = `
  INSERT INTO log (session_id, name, head, committed, length, created_at_ms, updated_at_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id`;
const moveSql = `
  UPDATE chunk SET log_id = ?, first_seq = first_seq - ?, last_seq = last_seq - ? WHERE log_id = ? AND first_seq > ?`;
const cutSql = `
  UPDATE log SET head = ?, staged_length = 0, updated_at_ms = ?, cuts = cuts + 1 WHERE id = ?`;
