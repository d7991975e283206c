import { type Chunk, entriesOf } from "../../core/chunk.ts";
import type { EntryInput } from "../../core/entry.ts";
import { checkRunOf, type LeaseRow } from "../../core/fence.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Input } from "../../core/input.ts";
import type { Run } from "../../core/run.ts";
import type { Query } from "./client.ts";
import type { FoldRow } from "./fold.ts";
import { nowSql } from "./in-session.ts";
import { inputColumns, type InputRow, toInput } from "./input.ts";
import { type RunRow, runColumns, toRun } from "./run.ts";
import { sorted, type StagedLog, stagedSql } from "./tail.ts";

/** What a run's end rests on, all of one moment: at this version of its session's lane. */
export interface RunFacts {
  readonly version: number;
  readonly now: number;
  readonly lease: LeaseRow;
  readonly run: Run;
  readonly input: Input;
  readonly staged: readonly StagedLog[];
  readonly session: SessionFacts | null;
  /** What is staged in the main log, where it was asked for. */
  readonly entries: readonly EntryInput[];
}

interface SessionFacts extends FoldRow {
  readonly hidden: boolean;
  readonly revision: number;
}

/** Reads a run's facts in one round trip; undefined where another write of the session came in between. @throws run_unknown */
export async function readFacts(query: Query, params: FactsParams): Promise<RunFacts | undefined> {
  const { key, run: id, now, entries } = params;
  const [[row], chunks] = await Promise.all([
    query<FactsRow>(factsSql, key.project, key.session, id, now),
    entries ? query<VersionedChunk>(chunksSql, key.project, key.session) : [],
  ]);
  const run = checkRunOf(key, id, row?.run == null ? undefined : toRun(row.run).run);
  const { version, now: nowMs, epoch, owner, sinceMs, untilMs, staged, session } = row!;
  if (chunks.some((chunk) => chunk.version !== version)) return undefined;
  const lease = { epoch, owner, sinceMs, untilMs };
  return {
    version,
    now: nowMs,
    lease,
    run,
    input: toInput(row!.input),
    staged: sorted(staged),
    session,
    entries: chunks
      .flatMap((chunk) => entriesOf(chunk, chunk.first, chunk.last))
      .map(({ seq: _, ...entry }) => entry),
  };
}

interface FactsParams {
  readonly key: SessionKey;
  readonly run: string;
  readonly now: number | null;
  /** Whether to read what is staged in the main log. */
  readonly entries: boolean;
}

interface FactsRow extends LeaseRow {
  readonly version: number;
  readonly now: number;
  readonly run: RunRow | null;
  readonly input: InputRow;
  readonly staged: readonly StagedLog[];
  readonly session: SessionFacts | null;
}

interface VersionedChunk extends Chunk {
  readonly version: number;
}

const factsSql = `
  SELECT l.version, ${nowSql("$4")} AS now, l.epoch, l.owner, l.since_ms AS "sinceMs", l.until_ms AS "untilMs",
    (SELECT row_to_json(r) FROM (SELECT ${runColumns} FROM hf.run WHERE name = $3) r) AS run,
    (SELECT row_to_json(i) FROM (
      SELECT ${inputColumns} FROM hf.input WHERE project = $1 AND session = $2
        AND id = (SELECT input FROM hf.run WHERE name = $3)) i) AS input,
    (SELECT row_to_json(s) FROM (
      SELECT hidden, revision, summary, summary_head AS "summaryHead", title, title_by_user AS "titleByUser"
      FROM hf.session WHERE project = $1 AND session = $2) s) AS session,
    ${stagedSql("$1", "$2")} AS staged
  FROM hf.lane l WHERE l.project = $1 AND l.session = $2`;
// An append is staged or committed as a whole, so no chunk lies on both sides. With the lane's version, as the snapshot
// may be another one than the facts'.
const chunksSql = `
  SELECT l.version, c.first_seq AS first, c.last_seq AS last, c.times, c.uuids, c.bodies
  FROM hf.lane l
  JOIN hf.log g ON g.project = l.project AND g.session = l.session AND g.name = '' AND g.staged
  JOIN hf.chunk c ON c.project = g.project AND c.session = g.session AND c.log_id = g.id AND c.first_seq > g.committed
  WHERE l.project = $1 AND l.session = $2 ORDER BY c.first_seq`;
