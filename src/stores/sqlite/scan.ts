import { checkAfter } from "../../core/checks.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { ScanParams } from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { findLog } from "./read.ts";

/** Yields the bodies; a piece ends after the entry that takes it past 1 MB. */
export async function* scan(
  connection: () => Connection,
  { log, after = 0 }: ScanParams,
): AsyncIterable<readonly string[]> {
  const row = findLog(connection(), log);
  checkAfter(after, row?.committed ?? 0, "the log");
  if (row === undefined) return;
  let lines: string[] = [];
  let length = 0;
  for (let seq = after; seq < row.committed; seq += rowsAtOnce) {
    const to = Math.min(seq + rowsAtOnce, row.committed);
    const bodies = connection().all<{ body: string }>(bodiesSql, row.id, seq, to);
    if (bodies.length !== to - seq) throw droppedMeanwhile();
    for (const { body } of bodies) {
      lines.push(body);
      length += body.length;
      if (length < pieceLength) continue;
      yield lines;
      lines = [];
      length = 0;
    }
  }
  if (lines.length > 0) yield lines;
}

// Few enough that big entries do not pile up in memory, enough that a statement costs nothing beside its rows.
const rowsAtOnce = 64;
const pieceLength = 1 << 20;

function droppedMeanwhile(): HoldfastError {
  return new HoldfastError({
    code: "session_dropped",
    message: "The log was dropped while it was being read.",
    next: "Discard what was read.",
  });
}

const bodiesSql = "SELECT body FROM entry WHERE log_id = ? AND seq > ? AND seq <= ? ORDER BY seq";
