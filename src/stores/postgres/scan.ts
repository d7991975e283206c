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
  if (row === undefined || after === row.committed) return;
  const { committed } = row;
  for (let seq = after, next: Promise<Stretch> | undefined; seq < committed;) {
    const { pieces, last } = await (next ?? stretchOf(query(), log, { id: row.id, after: seq, committed }));
    if (pieces.length === 0) throw droppedMeanwhile();
    seq = last;
    // The server makes the next stretch while the caller takes this one; whoever stops here never awaits it.
    next = seq < committed ? stretchOf(query(), log, { id: row.id, after: seq, committed }) : undefined;
    next?.catch(() => {});
    yield* pieces;
  }
}

/** What one statement gives: several pieces, since a round trip for each takes as long as its parsing. */
interface Stretch {
  readonly pieces: readonly (readonly string[])[];
  readonly last: number;
}

interface StretchParams {
  readonly id: number;
  readonly after: number;
  readonly committed: number;
}

async function stretchOf(
  query: Query,
  { project, session }: LogKey,
  { id, after, committed }: StretchParams,
): Promise<Stretch> {
  const rows = await query<BodiesRow>(bodiesSql, project, session, id, after + 1, committed);
  const pieces: string[][] = [];
  let [last, length] = [after, pieceLength];
  for (const { first, bodies } of rows) {
    if (first > last + 1) throw droppedMeanwhile();
    const lines = bodies.split("\n").slice(last + 1 - first, committed + 1 - first);
    if (length >= pieceLength) {
      pieces.push(lines);
      length = 0;
    } else for (const line of lines) pieces.at(-1)!.push(line);
    last += lines.length;
    length += bodies.length;
  }
  return { pieces, last };
}

interface BodiesRow {
  readonly first: number;
  readonly bodies: string;
}

const pieceLength = 1 << 20;

// octet_length of a body that is stored apart reads only its length. The rows of a stretch are few, so the sum is cheap.
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
      ORDER BY first_seq LIMIT 1024
    ) AS nearest
  ) AS measured WHERE before < 4194304 ORDER BY first`;
