import { checkOpenRun } from "../../core/fence.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Tail, TailPart } from "../../core/run.ts";
import { runUnknown } from "../../core/work-checks.ts";
import type { Connection } from "./connection.ts";
import { hashOf } from "./hash.ts";
import { findRun } from "./run.ts";

/** What an open run has staged. */
export function tail(connection: Connection, { run: id }: { readonly run: string }): Tail {
  const found = findRun(connection, id)?.run;
  if (found === undefined) throw runUnknown(id);
  const run = checkOpenRun(found, id, found);
  return { run, parts: partsOf(stagedLogs(connection, run)) };
}

/** A log with staged entries: their length, and the time of the last. */
export interface StagedLog extends TailPart {
  readonly logId: number;
  readonly length: number;
  readonly atMs: number;
}

/** The session's logs that hold staged entries, by the logs' names. */
export function stagedLogs(connection: Connection, { project, session }: SessionKey): StagedLog[] {
  const rows = connection.all<StagedRow>(stagedSql, project, session);
  return rows
    .toSorted((a, b) => (a.log < b.log ? -1 : 1))
    .map(({ committed, ...row }) => {
      const sha256 = hashOf(linesOf(connection, row.logId, committed));
      return { ...row, from: committed + 1, sha256 };
    });
}

/** The same as the port shows it. */
export function partsOf(logs: readonly StagedLog[]): TailPart[] {
  return logs.map(({ log, from, to, sha256 }) => ({ log, from, to, sha256 }));
}

type StagedRow = Omit<StagedLog, "from" | "sha256"> & { readonly committed: number };

/** All behind what is committed, one by one: a tail may be longer than what one wants in memory. */
function* linesOf(connection: Connection, logId: number, committed: number): Generator<Uint8Array> {
  for (let after = committed; ;) {
    const chunk = connection.get<StagedChunk>(chunkSql, logId, after);
    if (chunk === undefined) return;
    yield chunk.lines;
    after = chunk.first;
  }
}

interface StagedChunk {
  readonly first: number;
  readonly lines: Uint8Array;
}

const stagedSql = `
  SELECT l.id AS logId, l.name AS log, l.committed, l.head AS "to", l.staged_length AS length,
    l.updated_at_ms AS atMs
  FROM session s JOIN log l ON l.session_id = s.id
  WHERE s.project = ? AND s.session = ? AND l.committed < l.head`;
// An append is staged or committed as a whole, so no chunk lies on both sides. As bytes: a hash of text would decode and
// encode all of it.
const chunkSql = `
  SELECT first_seq AS first, CAST(bodies || char(10) AS BLOB) AS lines FROM chunk
  WHERE log_id = ? AND first_seq > ? ORDER BY first_seq LIMIT 1`;
