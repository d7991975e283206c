import type { AuditRow } from "../../core/audit.ts";
import {
  type Holding,
  type HoldingReader,
  type HoldingsPage,
  type HoldingsParams,
  type ListedKind,
  pageOfHoldings,
} from "../../core/holdings.ts";
import type { SessionKey } from "../../core/ids.ts";
import { auditSql, type StoredAuditRow, toAuditRow } from "./audit.ts";
import type { Connection } from "./connection.ts";
import { allInputs } from "./input.ts";
import { findLane } from "./lane.ts";
import { usageRows } from "./record-usage.ts";
import { allRuns } from "./run.ts";
import { findSession } from "./session.ts";
import { findTombstone } from "./tombstone.ts";
import { limited } from "./where.ts";

/** A page of what a session has beside its entries. */
export function holdings(
  connection: () => Connection,
  { session: key, ...page }: HoldingsParams,
): Promise<HoldingsPage> {
  const lists: Readonly<Record<ListedKind, HoldingReader>> = {
    input: (after = "0", limit) => inputsAfter(connection(), key, Number(after), limit),
    usage: (after = "", limit) =>
      usageRows(connection(), usageSql, key.project, key.session, after, limit).map((row) => ({
        place: row.key,
        holding: { kind: "usage", row },
      })),
    audit: (after = "0", limit) => auditAfter(connection(), key, Number(after), limit),
    blob: (after = "", limit) =>
      connection()
        .all<{ blob: string }>(blobsSql, key.project, key.session, after, limit)
        .map(({ blob }) => ({ place: blob, holding: { kind: "blob", blob } })),
  };
  return pageOfHoldings({ ...page, single: () => singleHoldings(connection(), key), lists });
}

/** Whether the title is the user's own. */
export function isTitleByUser(connection: Connection, id: number): boolean {
  return (
    connection.get<{ byUser: number }>("SELECT title_by_user AS byUser FROM session WHERE id = ?", id)!
      .byUser === 1
  );
}

function singleHoldings(connection: Connection, key: SessionKey): Holding[] {
  const tombstone = findTombstone(connection, key);
  const found = findSession(connection, key);
  const epoch = findLane(connection, key)?.epoch ?? 0;
  return [
    ...(tombstone === undefined ? [] : [{ kind: "tombstone" as const, tombstone }]),
    ...(found === undefined
      ? []
      : [{ kind: "row" as const, row: found.row, titleByUser: isTitleByUser(connection, found.id) }]),
    ...(epoch === 0 ? [] : [{ kind: "epoch" as const, epoch }]),
  ];
}

function inputsAfter(connection: Connection, { project, session }: SessionKey, after: number, limit: number) {
  const where = `WHERE project = ? AND session = ? AND id > ? ORDER BY id ${limited}`;
  return allInputs(connection, where, project, session, after, limit).map((input) => {
    const runs = allRuns(
      connection,
      "WHERE project = ? AND session = ? AND input = ? ORDER BY attempt",
      project,
      session,
      Number(input.id),
    );
    return { place: input.id, holding: { kind: "input" as const, input, runs: runs.map(({ run }) => run) } };
  });
}

function auditAfter(connection: Connection, { project, session }: SessionKey, after: number, limit: number) {
  return connection.all<StoredAuditRow>(auditAfterSql, project, session, after, limit).map((stored) => {
    const { seq, ...row }: AuditRow = toAuditRow(stored);
    return { place: String(seq), holding: { kind: "audit" as const, row } };
  });
}

const usageSql = `WHERE project = ? AND session = ? AND key > ? ORDER BY key ${limited}`;
const auditAfterSql = `${auditSql} WHERE project = ? AND session = ? AND seq > ? ORDER BY seq ${limited}`;
const blobsSql = `
  SELECT blob_id AS blob FROM blob_ref WHERE project = ? AND session = ? AND blob_id > ? ORDER BY blob_id ${limited}`;
