import { type Chunk, chunksOf, type TimedEntry } from "../../core/chunk.ts";
import { type EntryInput, lengthOf } from "../../core/entry.ts";
import { isOwnLog } from "../../core/ids.ts";
import type { AppendParams, AppendResult } from "../../core/store.ts";
import { chunkValues, freshOf, hasUuids, perStatement } from "./add-entries.ts";
import type { Value } from "./client.ts";
import { folded, type FoldRow } from "./fold.ts";
import type { Writer } from "./in-session.ts";
import type { KnownLogs } from "./known-logs.ts";
import type { KnownLog, KnownSession } from "./known-sessions.ts";
import { updatedSql } from "./updated.ts";
import { isHeardSql } from "./watch.ts";

/**
 * Appends a batch in one round trip, on what this process knows of the session. Undefined, with nothing written, where
 * that is not enough, where another writer has been there since, or where a rule refuses: whoever holds the lock says which.
 */
export async function appendKnown(
  { client, now }: Writer,
  known: KnownLogs,
  params: AppendParams,
): Promise<KnownAppend | undefined> {
  const { life } = client;
  const write = params.run === undefined ? writeOf(known, params) : undefined;
  if (write === undefined) return undefined;
  const values = valuesOf(write, params, now());
  const [written] = (await client.writeIn<Written>(life, statementOf(write), ...values)) ?? [];
  if (written === undefined) return undefined;
  const { session, log, fresh, to, fold } = write;
  const uuids = fresh.flatMap(({ uuid }) => uuid ?? []);
  known.advance({ ...log, logId: log.id }, to, uuids);
  known.sessions.learn(params.log, {
    version: session.version + 1,
    log: { ...log, head: to, committed: to, atMs: written.at },
    fold,
  });
  const appended = fresh.length;
  const duplicates = params.entries.length - appended;
  return { from: log.head + 1, to, appended, duplicates, committed: to, isHeard: written.heard };
}

export interface KnownAppend extends AppendResult {
  /** Whether another process may listen. */
  readonly isHeard: boolean;
}

/** The store's time of an append, and that of its last entry; whether another process may listen. */
interface Written {
  readonly now: number;
  readonly at: number;
  readonly heard: boolean;
}

interface Write {
  readonly session: KnownSession;
  readonly log: KnownLog;
  readonly fresh: readonly EntryInput[];
  readonly times: Times;
  readonly chunks: readonly Chunk[];
  readonly to: number;
  readonly fold: FoldRow | undefined;
  readonly kind: Kind;
}

// What beside the log's row an append changes: nothing, the counters, or the folded columns too.
type Kind = "own" | "counted" | "folded";

function writeOf(known: KnownLogs, params: AppendParams): Write | undefined {
  const { log: key, entries, expectHead, fold } = params;
  const session = known.sessions.of(key);
  const log = session?.logs.get(key.log);
  if (session === undefined || log === undefined || !isWhole(log)) return undefined;
  if (expectHead !== undefined && expectHead !== log.head) return undefined;
  const uuids = hasUuids(entries) ? known.at({ ...log, logId: log.id }) : noUuids;
  if (uuids === undefined) return undefined;
  const fresh = freshOf(entries, uuids);
  const times = timesOf(fresh, log.atMs);
  const chunks = chunksOf(log.head, times.entries);
  if (chunks.length === 0 || chunks.length > perStatement) return undefined;
  const kind = kindOf(params);
  const to = log.head + fresh.length;
  if (kind !== "folded") return { session, log, fresh, times, chunks, to, fold: undefined, kind };
  if (session.fold === undefined) return undefined;
  const next = folded(session.fold, { head: log.head, to, appended: fresh, fold: fold! });
  return { session, log, fresh, times, chunks, to, fold: next, kind };
}

function isWhole({ head, committed }: KnownLog): boolean {
  return head === committed && committed > 0;
}

function kindOf({ log: { log }, fold }: AppendParams): Kind {
  if (isOwnLog(log)) return "own";
  return log === "" && fold !== undefined ? "folded" : "counted";
}

export interface Times {
  /** With NaN, which JSON writes as null, for the store's time. */
  readonly entries: readonly TimedEntry[];
  /** The last time before that. */
  readonly atMs: number;
  /** The store's time may not be before it, or it would be in its future. */
  readonly wantedMs: number;
}

// From the first entry without a time on, all have the store's: none of them may have a later one.
export function timesOf(fresh: readonly EntryInput[], previous: number): Times {
  let [atMs, wantedMs, given] = [previous, 0, true];
  const entries = fresh.map(({ uuid, body, atMs: wanted }) => {
    given &&= wanted !== undefined;
    wantedMs = Math.max(wantedMs, wanted ?? 0);
    if (given) atMs = Math.max(atMs, wanted!);
    return { uuid, body, atMs: given ? atMs : Number.NaN };
  });
  return { entries, atMs, wantedMs };
}

const noUuids: ReadonlySet<string> = new Set();

function valuesOf(write: Write, { log: key, fence }: AppendParams, now: number | null): Value[] {
  const { session, log, fresh, times, chunks, to, fold, kind } = write;
  const { project, session: name } = key;
  const isGiven = !Number.isNaN(times.entries.at(-1)!.atMs);
  const values: Value[] = [project, name, session.version, fence?.epoch ?? null, now, times.wantedMs];
  values.push(times.atMs, isGiven, key.log, log.id, to, lengthOf(fresh));
  for (const chunk of chunks) values.push(...chunkValues(chunk));
  values.push(fresh.length);
  if (kind === "folded") {
    const { summary, summaryHead, title } = fold!;
    values.push(summary, summaryHead, title, title?.toLowerCase() ?? null);
  }
  return values;
}

const statements = new Map<string, string>();

function statementOf({ kind, chunks }: Write): string {
  const name = `${kind} ${chunks.length}`;
  let statement = statements.get(name);
  if (statement === undefined) statements.set(name, (statement = statementText(kind, chunks.length)));
  return statement;
}

const nowSql = "coalesce($5::bigint, floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint)";

// Everything else rests on the lane's row: where it has another version, nothing is written, and no change has an id.
function statementText(kind: Kind, chunks: number): string {
  const count = `$${firstChunk + chunks * 5}::bigint`;
  const parts = [
    `log AS (
      UPDATE hf.log l SET head = $11::bigint, committed = $11, length = l.length + $12, updated_at_ms = lane.at
      FROM lane WHERE l.project = $1 AND l.session = $2 AND l.name = $9)`,
    `chunk AS (
      INSERT INTO hf.chunk (project, session, log_id, first_seq, last_seq, times, uuids, bodies)
      SELECT $1, $2, $10::bigint, c.first, c.last, replace(c.times, 'null', lane.at::text), c.uuids, c.bodies
      FROM lane, (VALUES ${chunkRows(chunks)}) AS c (first, last, times, uuids, bodies))`,
    `change AS (
      INSERT INTO hf.unnumbered (at_ms, kind, project, session, log, first_seq, last_seq)
      SELECT lane.now, 'appended', $1, $2, $9, $11 - ${count} + 1, $11 FROM lane)`,
  ];
  if (kind !== "own")
    parts.push(`session AS (
      UPDATE hf.session s SET entries = s.entries + ${count}, length = s.length + $12,
        ${updatedSql("greatest(s.updated_at_ms, lane.at)")},
        main_head = CASE WHEN $9 = '' THEN $11 ELSE s.main_head END ${kind === "folded" ? foldedColumns(chunks) : ""}
      FROM lane WHERE s.project = $1 AND s.session = $2)`);
  return `
    WITH lane AS (
      UPDATE hf.lane SET version = version + 1
      WHERE project = $1 AND session = $2 AND version = $3 AND ${nowSql} >= $6::bigint
        AND ($4::bigint IS NULL OR epoch = $4 AND owner IS NOT NULL AND until_ms > ${nowSql})
      RETURNING ${nowSql} AS now, CASE WHEN $8 THEN $7::bigint ELSE greatest($7::bigint, ${nowSql}) END AS at
    ), ${parts.join(", ")}
    SELECT now, at, ${isHeardSql} AS heard FROM lane`;
}

const firstChunk = 13;

function chunkRows(chunks: number): string {
  return Array.from({ length: chunks }, (_, index) => {
    const [first, last, times, uuids, bodies] = [0, 1, 2, 3, 4].map(
      (at) => `$${firstChunk + at + index * 5}`,
    );
    return `(${first}::bigint, ${last}::bigint, ${times}::text, ${uuids}::text, ${bodies}::text)`;
  }).join(", ");
}

function foldedColumns(chunks: number): string {
  const first = firstChunk + chunks * 5 + 1;
  return ["summary", "summary_head", "title", "title_folded"]
    .map((column, index) => `, ${column} = $${first + index}`)
    .join("");
}
