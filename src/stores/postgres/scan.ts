import { checkAfter, checkSameLog, droppedMeanwhile } from "../../core/checks.ts";
import type { LogKey } from "../../core/ids.ts";
import type { ScanParams } from "../../core/store.ts";
import type { Query } from "./client.ts";
import { findVisibleLog } from "./read.ts";

/** Yields the bodies; a piece ends after the chunk that takes it past 1 MB. */
export async function* scan(
  query: () => Query,
  { log, after = 0, id }: ScanParams,
): AsyncIterable<readonly string[]> {
  const row = await findVisibleLog(query(), log);
  checkSameLog(id, row && String(row.id));
  checkAfter(after, row?.committed ?? 0, "the log");
  if (row === undefined) return;
  const { committed } = row;
  let next = after < committed ? nextPiece(query(), log, { id: row.id, after, committed }) : undefined;
  for (let seq = after; next !== undefined;) {
    const piece = await next;
    if (piece.length === 0) throw droppedMeanwhile();
    seq += piece.length;
    // The server makes the next piece while the caller takes this one.
    next = seq < committed ? nextPiece(query(), log, { id: row.id, after: seq, committed }) : undefined;
    // Whoever stops here never awaits it.
    next?.catch(() => {});
    yield piece;
  }
}

interface PieceParams {
  readonly id: number;
  readonly after: number;
  readonly committed: number;
}

async function nextPiece(
  query: Query,
  log: LogKey,
  { id, after, committed }: PieceParams,
): Promise<string[]> {
  const lines: string[] = [];
  const { project, session } = log;
  for (const { first, bodies } of await query<BodiesRow>(
    bodiesSql,
    project,
    session,
    id,
    after + 1,
    committed,
  )) {
    if (first > after + lines.length + 1) throw droppedMeanwhile();
    const skipped = after + lines.length + 1 - first;
    for (const body of skipped === 0 ? bodies.split("\n") : bodies.split("\n").slice(skipped))
      lines.push(body);
  }
  return lines.length > committed - after ? lines.slice(0, committed - after) : lines;
}

interface BodiesRow {
  readonly first: number;
  readonly bodies: string;
}

// octet_length of a body that is stored apart reads only its length. The rows of a piece are few, so that the sum is cheap.
const bodiesSql = `
  SELECT first, bodies FROM (
    SELECT first, bodies, sum(octet_length(bodies)) OVER (ORDER BY first) - octet_length(bodies) AS before
    FROM (
      SELECT first_seq AS first, bodies FROM hf.chunk
      WHERE project = $1 AND session = $2 AND log_id = $3
        AND first_seq >= (
          SELECT coalesce(max(first_seq), 1) FROM hf.chunk
          WHERE project = $1 AND session = $2 AND log_id = $3 AND first_seq <= $4
        ) AND first_seq <= $5
      ORDER BY first_seq LIMIT 256
    ) AS nearest
  ) AS measured WHERE before < 1048576 ORDER BY first`;
