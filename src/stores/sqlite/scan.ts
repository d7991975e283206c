import { checkAfter } from "../../core/checks.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { ScanParams } from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { findLog } from "./read.ts";

/** Yields the bodies as JSONL text; SQLite joins the lines, which saves an object a row. */
export async function* scan(
  connection: () => Connection,
  { log, after = 0 }: ScanParams,
): AsyncIterable<string> {
  const row = findLog(connection(), log);
  checkAfter(after, row?.committed ?? 0, "the log");
  if (row === undefined) return;
  let seq = after;
  while (seq < row.committed) {
    const to = pieceEnd(connection(), row.id, seq, row.committed);
    const piece = connection().get<{ text: string | null; n: number }>(pieceSql, row.id, seq, to)!;
    if (piece.text === null || piece.n !== to - seq) throw droppedMeanwhile();
    seq = to;
    yield piece.text;
  }
}

const pieceRows = 512;
const pieceLength = 1 << 20;

// A piece ends at 512 rows or after the row that takes it past 1 MB, so that big entries do not pile up in memory.
function pieceEnd(connection: Connection, logId: number, seq: number, committed: number): number {
  const last = Math.min(seq + pieceRows, committed);
  const row = connection.get<{ seq: number | null }>(pieceEndSql, logId, seq, last, pieceLength);
  return row?.seq ?? last;
}

function droppedMeanwhile(): HoldfastError {
  return new HoldfastError({
    code: "session_dropped",
    message: "The log was dropped while it was being read.",
    next: "Discard what was read.",
  });
}

const pieceSql = `
  SELECT group_concat(body || char(10), '') AS text, count(*) AS n
  FROM (SELECT body FROM entry WHERE log_id = ? AND seq > ? AND seq <= ? ORDER BY seq)`;
const pieceEndSql = `
  SELECT seq FROM (
    SELECT seq, sum(octet_length(body)) OVER (ORDER BY seq) AS total FROM entry WHERE log_id = ? AND seq > ? AND seq <= ?
  ) WHERE total >= ? LIMIT 1`;
