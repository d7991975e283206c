import { checkAfter, checkSameLog } from "../../core/checks.ts";
import { type Chunk, entriesOf } from "../../core/chunk.ts";
import { HoldfastError } from "../../core/errors.ts";
import { checkOpenRun } from "../../core/fence.ts";
import type { LogKey } from "../../core/ids.ts";
import type { ReadParams, ReadResult } from "../../core/store.ts";
import type { Query } from "./client.ts";
import { findRun } from "./run.ts";

/** Reads committed entries of one log, from either end. */
export async function read(query: Query, params: ReadParams): Promise<ReadResult> {
  const { log, after, limit, order = "asc", id, run } = params;
  if (run !== undefined) checkOpenRun(log, run, await findRun(query, run));
  const rows = await query<RangeRow>(
    order === "asc" ? fromSql : backSql,
    log.project,
    log.session,
    log.log,
    run !== undefined,
    Number.isSafeInteger(after) ? after! : null,
    limit ?? null,
  );
  const [row] = rows;
  checkSameLog(id, row && String(row.id));
  if (after !== undefined && order === "asc") checkAfter(after, row?.end ?? 0, "the log");
  if (row === undefined) return { entries: [], head: 0, committed: 0 };
  const { from, to } = row;
  const chunks = rows.filter((chunk): chunk is RangeRow & Chunk => chunk.first !== null);
  const entries = chunks.flatMap((chunk) => entriesOf(chunk, from, to));
  // The row and its chunks are of one moment.
  if (entries.length < to - from + 1) throw notWhole(log);
  if (order === "desc") entries.reverse();
  return { id: String(row.id), entries, head: row.end, committed: row.committed };
}

/** The log as readers see it, or undefined where nothing is committed. */
export async function findVisibleLog(query: Query, { project, session, log }: LogKey) {
  return (await query<VisibleLog>(logSql, project, session, log))[0];
}

interface VisibleLog {
  readonly id: number;
  readonly committed: number;
}

// A log is dense, so both ends are known before anything is read. Without a chunk in it: first is null.
interface RangeRow extends VisibleLog {
  readonly end: number;
  readonly from: number;
  readonly to: number;
  readonly first: number | null;
}

function notWhole({ project, session, log }: LogKey): HoldfastError {
  return new HoldfastError({
    code: "store_corrupt",
    message: `Log "${log}" of session ${session} is not whole.`,
    next: "Restore a backup; `holdfast doctor` names what is damaged.",
    data: { project, session, log },
  });
}

const logSql = `
  SELECT id, committed FROM hf.log WHERE project = $1 AND session = $2 AND name = $3 AND committed > 0`;
const rangeSql = (from: string, to: string): string => `
  WITH found AS (
    SELECT id, committed, CASE WHEN $4::boolean THEN head ELSE committed END AS "end"
    FROM hf.log WHERE project = $1 AND session = $2 AND name = $3 AND ($4::boolean OR committed > 0)
  ), span AS (SELECT *, ${from} AS "from", ${to} AS "to" FROM found)
  SELECT span.*, c.first_seq AS first, c.last_seq AS last, c.times, c.uuids, c.bodies
  FROM span LEFT JOIN hf.chunk c ON c.project = $1 AND c.session = $2 AND c.log_id = span.id
    AND c.first_seq >= (
      SELECT coalesce(max(first_seq), 1) FROM hf.chunk
      WHERE project = $1 AND session = $2 AND log_id = span.id AND first_seq <= span."from"
    ) AND c.first_seq <= span."to" AND span."from" <= span."to"
  ORDER BY c.first_seq`;
const fromSql = rangeSql(
  `coalesce($5::bigint, 0) + 1`,
  `CASE WHEN $6::bigint < "end" - coalesce($5::bigint, 0) THEN coalesce($5::bigint, 0) + $6 ELSE "end" END`,
);
const lastSql = `least($5::bigint - 1, "end")`;
const backSql = rangeSql(`CASE WHEN $6::bigint < ${lastSql} THEN ${lastSql} - $6 + 1 ELSE 1 END`, lastSql);
