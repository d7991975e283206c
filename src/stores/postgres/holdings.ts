import { nextAttempt } from "../../core/boundary.ts";
import {
  type Holding,
  type HoldingReader,
  type HoldingsPage,
  type HoldingsParams,
  type ListedKind,
  pageOfHoldings,
  type PlacedHolding,
} from "../../core/holdings.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { SessionRow } from "../../core/store.ts";
import { auditSql, type StoredAuditRow, toAuditRow } from "./audit.ts";
import type { Query } from "./client.ts";
import { allInputs } from "./input.ts";
import { findLane } from "./lane.ts";
import { usageRows } from "./record-usage.ts";
import { allRuns } from "./run.ts";
import { type SessionColumns, sessionColumns, toStoredSessions } from "./session.ts";
import { findTombstone } from "./tombstone.ts";

/** A page of what a session has beside its entries. */
export function holdings(
  query: () => Query,
  { session: key, ...page }: HoldingsParams,
): Promise<HoldingsPage> {
  const lists: Readonly<Record<ListedKind, HoldingReader>> = {
    input: (after = "0", limit) => inputsAfter(query(), key, Number(after), limit),
    usage: (after = "", limit) => usageAfter(query(), key, after, limit),
    audit: (after = "0", limit) => auditAfter(query(), key, Number(after), limit),
    blob: (after = "", limit) => blobsAfter(query(), key, after, limit),
  };
  return pageOfHoldings({ ...page, single: () => singleHoldings(query(), key), lists });
}

/** A session's row, and whether its title is the user's own. */
export interface TitledRow {
  readonly row: SessionRow;
  readonly titleByUser: boolean;
}

/** The row, unless there is nothing in it but what a run has staged. */
export async function findTitledRow(
  query: Query,
  { project, session }: SessionKey,
): Promise<TitledRow | undefined> {
  const [columns] = await query<TitledColumns>(titledSql, project, session);
  return columns === undefined ? undefined : toTitledRow(columns);
}

/** What a query of titled rows gives. */
export interface TitledColumns extends SessionColumns {
  readonly titleByUser: boolean;
}

export const titledColumns = `${sessionColumns}, title_by_user AS "titleByUser"`;

export function toTitledRow({ titleByUser, ...columns }: TitledColumns): TitledRow {
  return { row: toStoredSessions([columns])[0]!.row, titleByUser };
}

async function singleHoldings(query: Query, key: SessionKey): Promise<readonly Holding[]> {
  const [tombstone, titled, lane] = await Promise.all([
    findTombstone(query, key),
    findTitledRow(query, key),
    findLane(query, key),
  ]);
  const epoch = lane?.epoch ?? 0;
  return [
    ...(tombstone === undefined ? [] : [{ kind: "tombstone" as const, tombstone }]),
    ...(titled === undefined ? [] : [{ kind: "row" as const, ...titled }]),
    ...(epoch === 0 ? [] : [{ kind: "epoch" as const, epoch }]),
  ];
}

async function inputsAfter(
  query: Query,
  { project, session }: SessionKey,
  after: number,
  limit: number,
): Promise<readonly PlacedHolding[]> {
  const found = await allInputs(query, inputsSql, project, session, after, limit);
  const names = found.flatMap((input) =>
    Array.from({ length: nextAttempt(input) - 1 }, (_, index) => `${input.id}.${index + 1}`),
  );
  const runs =
    names.length === 0 ? [] : await allRuns(query, runsSql, project, session, JSON.stringify(names));
  return found.map((input) => {
    const own = runs.flatMap(({ run }) => (run.input === input.id ? [run] : []));
    return { place: input.id, holding: { kind: "input", input, runs: own } };
  });
}

async function usageAfter(
  query: Query,
  { project, session }: SessionKey,
  after: string,
  limit: number,
): Promise<readonly PlacedHolding[]> {
  const rows = await usageRows(query, usageSql, project, session, after, limit);
  return rows.map((row) => ({ place: row.key, holding: { kind: "usage", row } }));
}

async function auditAfter(
  query: Query,
  { project, session }: SessionKey,
  after: number,
  limit: number,
): Promise<readonly PlacedHolding[]> {
  const rows = await query<StoredAuditRow>(auditAfterSql, project, session, after, limit);
  return rows.map(toAuditRow).map(({ seq, ...row }) => ({
    place: String(seq),
    holding: { kind: "audit", row },
  }));
}

async function blobsAfter(
  query: Query,
  { project, session }: SessionKey,
  after: string,
  limit: number,
): Promise<readonly PlacedHolding[]> {
  const rows = await query<{ blob: string }>(blobsSql, project, session, after, limit);
  return rows.map(({ blob }) => ({ place: blob, holding: { kind: "blob", blob } }));
}

const ofSession = "WHERE project = $1 AND session = $2";
const titledSql = `SELECT ${titledColumns} FROM hf.session ${ofSession} AND NOT hidden`;
const inputsSql = `${ofSession} AND id > $3 ORDER BY id LIMIT $4`;
// By name, for which there is an index.
const runsSql = `${ofSession} AND name IN (SELECT jsonb_array_elements_text($3::text::jsonb)) ORDER BY attempt`;
const usageSql = `${ofSession} AND key > $3 ORDER BY key LIMIT $4`;
const auditAfterSql = `${auditSql} ${ofSession} AND seq > $3 ORDER BY seq LIMIT $4`;
const blobsSql = `SELECT blob_id AS blob FROM hf.blob_ref ${ofSession} AND blob_id > $3 ORDER BY blob_id LIMIT $4`;
