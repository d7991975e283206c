import { checkAfter, checkSameLog, droppedMeanwhile } from "../../core/checks.ts";
import type { ScanParams } from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { findLog } from "./read.ts";

/** Yields the bodies; a piece ends after the chunk that takes it past 1 MB. */
export async function* scan(
  connection: () => Connection,
  { log, after = 0, id }: ScanParams,
): AsyncIterable<readonly string[]> {
  const row = findLog(connection(), log);
  checkSameLog(id, row && String(row.id));
  checkAfter(after, row?.committed ?? 0, "the log");
  if (row === undefined) return;
  for (let seq = after; seq < row.committed;) {
    const piece = nextPiece(connection(), row.id, seq, row.committed);
    if (piece.length === 0) throw droppedMeanwhile();
    seq += piece.length;
    yield piece;
  }
}

function nextPiece(connection: Connection, logId: number, after: number, committed: number): string[] {
  const lines: string[] = [];
  let length = 0;
  for (const { first, bodies } of connection.each<BodiesRow>(bodiesSql, logId, logId, after + 1, committed)) {
    if (first > after + lines.length + 1) throw droppedMeanwhile();
    for (const body of bodies.split("\n").slice(after + lines.length + 1 - first)) lines.push(body);
    length += bodies.length;
    if (length >= pieceLength) break;
  }
  return lines.slice(0, committed - after);
}

interface BodiesRow {
  readonly first: number;
  readonly bodies: string;
}

const pieceLength = 1 << 20;

const bodiesSql = `
  SELECT first_seq AS first, bodies FROM chunk
  WHERE log_id = ? AND first_seq >= (SELECT max(first_seq) FROM chunk WHERE log_id = ? AND first_seq <= ?)
    AND first_seq <= ?
  ORDER BY first_seq`;
