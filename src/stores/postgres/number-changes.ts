import { setTimeout } from "node:timers/promises";
import type { Client } from "./client.ts";

/**
 * Gives the changes that are settled their place in the feed, and tells the feed's last seq. A change is settled once no
 * transaction with a smaller number is under way: none can commit before it any more. So the order is the same whoever
 * numbers, and whenever, and a crash in between costs nothing.
 */
export async function numberChanges(client: Client, { waitMs }: NumberParams): Promise<number> {
  const [before] = await client.query<Feed>(feedSql);
  const { position, newest } = before!;
  if (newest === null) return position;
  // Whoever has just written wants to find it here, and the writers beside him take a moment.
  const untilMs = performance.now() + waitMs;
  while (!(await isSettled(client, newest)) && performance.now() < untilMs) await setTimeout(1);
  await client.script(numberSql);
  const [after] = await client.query<Feed>(feedSql);
  return after!.position;
}

interface NumberParams {
  /** How long to wait for the transactions that stand before what is committed by now. */
  readonly waitMs: number;
}

interface Feed {
  readonly position: number;
  /** The transaction of the last change that has no place yet. */
  readonly newest: string | null;
}

async function isSettled(client: Client, xid: string): Promise<boolean> {
  const [row] = await client.query<{ settled: boolean }>(settledSql, xid);
  return row!.settled;
}

// A number that this cluster has not given yet is of another one, whose dump was restored here.
const isSettledSql = (xid: string): string =>
  `(${xid} < pg_snapshot_xmin(pg_current_snapshot()) OR ${xid} >= pg_snapshot_xmax(pg_current_snapshot()))`;
const settledSql = `SELECT ${isSettledSql("$1::text::xid8")} AS settled`;
// A replica shows what the primary has numbered.
const feedSql = `
  SELECT coalesce((SELECT max(seq) FROM hf.change), 0) AS position,
    (SELECT xid::text FROM hf.unnumbered WHERE NOT pg_is_in_recovery() ORDER BY xid DESC LIMIT 1) AS newest`;
// Nothing is lost with the last commits of this: the changes stand where they stood, and get the same numbers again.
const numberSql = `
  BEGIN ISOLATION LEVEL READ COMMITTED;
  SET LOCAL synchronous_commit = off;
  SELECT pg_advisory_xact_lock(hashtextextended('holdfast.feed.hf.', 0));
  WITH settled AS (DELETE FROM hf.unnumbered WHERE ${isSettledSql("xid")} RETURNING *)
  INSERT INTO hf.change (seq, at_ms, kind, project, session, log, first_seq, last_seq, subject)
  SELECT (SELECT coalesce(max(seq), 0) FROM hf.change) + row_number() OVER (ORDER BY xid, id),
    at_ms, kind, project, session, log, first_seq, last_seq, subject
  FROM settled;
  COMMIT`;
