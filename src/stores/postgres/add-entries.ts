import { type Chunk, chunksOf, type TimedEntry } from "../../core/chunk.ts";
import { nextTime } from "../../core/clock.ts";
import { type EntryInput, lengthOf } from "../../core/entry.ts";
import type { LogKey, SessionKey } from "../../core/ids.ts";
import type { Query } from "./client.ts";
import type { LockedSession } from "./in-session.ts";
import type { KnownLogs } from "./known-logs.ts";
import { ensureSession } from "./session-of.ts";

/** Adds what a log does not hold yet behind its head; the log and a hidden session are made where there are none. */
export async function addEntries(
  session: LockedSession,
  known: KnownLogs,
  params: AddEntriesParams,
): Promise<Added> {
  const { log: key, entries, staged } = params;
  const found = params.found === undefined ? await findLog(session, key) : params.found;
  const { head, cuts } = found ?? { head: 0, cuts: 0 };
  const uuids =
    found && hasUuids(entries)
      ? await known.upTo(session.query, key, { logId: found.id, head, cuts })
      : noUuids;
  const fresh = timed(freshOf(entries, uuids), found?.atMs ?? 0, session.now);
  const to = head + fresh.length;
  const atMs = fresh.at(-1)?.atMs ?? 0;
  const logId = found?.id ?? (await createLog(session, params));
  if (fresh.length > 0) {
    const sql = staged ? stageSql : logSql;
    await Promise.all([
      insertChunks(session.query, key, logId, chunksOf(head, fresh)),
      session.query(sql, key.project, key.session, key.log, to, lengthOf(fresh), atMs),
    ]);
  }
  return { logId, head, cuts, to, fresh, atMs, isFirst: (found?.committed ?? 0) === 0 };
}

interface AddEntriesParams {
  readonly log: LogKey;
  readonly entries: readonly EntryInput[];
  /** Of a session that is made. */
  readonly provider: string;
  readonly staged: boolean;
  /** Null where the caller has looked and there is none. */
  readonly found?: FoundLog | null | undefined;
}

/** What was added; `isFirst` where nothing of the log was committed before. */
export interface Added {
  readonly logId: number;
  readonly head: number;
  readonly cuts: number;
  readonly to: number;
  readonly fresh: readonly TimedEntry[];
  readonly atMs: number;
  readonly isFirst: boolean;
}

/** The log's row under the session's lock, if there is one. */
export async function findLog(session: LockedSession, key: LogKey): Promise<FoundLog | null> {
  const [row] = await session.query<FoundLog>(logRowSql, key.project, key.session, key.log);
  return row ?? null;
}

export interface FoundLog {
  readonly id: number;
  readonly head: number;
  readonly committed: number;
  readonly cuts: number;
  readonly atMs: number;
}

/** The entries whose uuid is not known yet; a batch may repeat itself too. */
export function freshOf(entries: readonly EntryInput[], uuids: ReadonlySet<string>): readonly EntryInput[] {
  const own = new Set<string>();
  return entries.filter(({ uuid }) => {
    if (uuid === undefined) return true;
    if (uuids.has(uuid)) return false;
    const before = own.size;
    return own.add(uuid).size > before;
  });
}

/** Whether a batch needs the log's uuids. */
export function hasUuids(entries: readonly EntryInput[]): boolean {
  return entries.some(({ uuid }) => uuid !== undefined);
}

function timed(entries: readonly EntryInput[], previous: number, now: number): TimedEntry[] {
  let atMs = previous;
  return entries.map(({ uuid, body, atMs: wanted }) => {
    atMs = nextTime({ previous: atMs, wanted, now });
    return { uuid, body, atMs };
  });
}

async function createLog(
  session: LockedSession,
  { log, entries, provider }: AddEntriesParams,
): Promise<number> {
  const atMs = nextTime({ previous: 0, wanted: entries[0]?.atMs, now: session.now });
  const [, rows] = await Promise.all([
    ensureSession(session, { provider, atMs }),
    session.query<{ id: number }>(createLogSql, log.project, log.session, log.log, atMs),
  ]);
  return rows[0]!.id;
}

async function insertChunks(
  query: Query,
  { project, session }: SessionKey,
  logId: number,
  chunks: readonly Chunk[],
): Promise<void> {
  const statements = Array.from({ length: Math.ceil(chunks.length / perStatement) }, (_, index) =>
    chunks.slice(index * perStatement, (index + 1) * perStatement),
  );
  for (let at = 0; at < statements.length; at += statementsAtOnce)
    await Promise.all(
      statements
        .slice(at, at + statementsAtOnce)
        .map((some) => query(chunksSql(some.length), project, session, logId, ...some.flatMap(chunkValues))),
    );
}

/** The values of a chunk's own columns. */
export function chunkValues({ first, last, times, uuids, bodies }: Chunk): (string | number | null)[] {
  return [first, last, times, uuids, bodies];
}

/** The most chunks of one statement. */
export const perStatement = 8;
// Some MB under way: the server works while more is sent, and neither holds the whole batch once more.
const statementsAtOnce = 4;

const noUuids: ReadonlySet<string> = new Set();

const logRowSql = `
  SELECT id, head, committed, cuts, updated_at_ms AS "atMs" FROM hf.log
  WHERE project = $1 AND session = $2 AND name = $3`;
const createLogSql = `
  INSERT INTO hf.log (project, session, name, created_at_ms, updated_at_ms) VALUES ($1, $2, $3, $4, $4)
  RETURNING id`;
const logSql = `
  UPDATE hf.log SET head = $4, committed = $4, length = length + $5, updated_at_ms = $6
  WHERE project = $1 AND session = $2 AND name = $3`;
const stageSql = `
  UPDATE hf.log SET head = $4, staged_length = staged_length + $5, updated_at_ms = $6
  WHERE project = $1 AND session = $2 AND name = $3`;

function chunksSql(count: number): string {
  const rows = Array.from({ length: count }, (_, index) => {
    const columns = [4, 5, 6, 7, 8].map((column) => `$${column + index * 5}`);
    return `($1, $2, $3, ${columns.join(", ")})`;
  });
  return `
    INSERT INTO hf.chunk (project, session, log_id, first_seq, last_seq, times, uuids, bodies)
    VALUES ${rows.join(", ")}`;
}
