import type { SQLInputValue } from "node:sqlite";
import type { Receipt, Run } from "../../core/run.ts";
import type { Connection } from "./connection.ts";

/** One run by its id. */
export function run(connection: Connection, { run: id }: { readonly run: string }): Run | null {
  return findRun(connection, id)?.run ?? null;
}

/** A run with the id of its row. */
export interface StoredRun {
  readonly rowId: number;
  readonly run: Run;
}

export function findRun(connection: Connection, id: string): StoredRun | undefined {
  return allRuns(connection, "WHERE name = ?", id)[0];
}

/** The runs of a query's rest. */
export function allRuns(connection: Connection, rest: string, ...values: SQLInputValue[]): StoredRun[] {
  return connection.all<RunRow>(`${runSql} ${rest}`, ...values).map(toRun);
}

/** Writes what changes in a run's life. */
export function saveRun(
  connection: Connection,
  rowId: number,
  { state, endedAtMs, reason, outcome, receipt }: Run,
): void {
  connection.run(
    saveSql,
    state,
    endedAtMs ?? null,
    reason ?? null,
    outcome ?? null,
    receipt?.digest ?? null,
    receipt?.entries ?? null,
    receipt?.revision ?? null,
    rowId,
  );
}

interface RunRow extends Pick<
  Run,
  "id" | "project" | "session" | "attempt" | "worker" | "epoch" | "revision" | "state" | "startedAtMs"
> {
  readonly rowId: number;
  readonly input: number;
  readonly endedAtMs: number | null;
  readonly reason: string | null;
  readonly outcome: string | null;
  readonly digest: string | null;
  readonly entries: number | null;
  readonly newRevision: number | null;
}

function toRun(row: RunRow): StoredRun {
  const { rowId, input, endedAtMs, reason, outcome, digest, entries, newRevision, ...rest } = row;
  const run = {
    ...rest,
    input: String(input),
    ...(endedAtMs === null ? {} : { endedAtMs }),
    ...(reason === null ? {} : { reason }),
    ...(outcome === null ? {} : { outcome }),
  };
  if (digest === null) return { rowId, run };
  const receipt: Receipt = {
    run: run.id,
    seq: 1,
    digest,
    entries: entries!,
    revision: newRevision!,
    input: run.input,
    atMs: endedAtMs!,
  };
  return { rowId, run: { ...run, receipt } };
}

const runSql = `
  SELECT id AS rowId, name AS id, input, project, session, attempt, worker, epoch, revision, state,
    started_at_ms AS startedAtMs, ended_at_ms AS endedAtMs, reason, outcome, digest, receipt_entries AS entries,
    receipt_revision AS newRevision FROM run`;
const saveSql = `
  UPDATE run SET state = ?, ended_at_ms = ?, reason = ?, outcome = ?, digest = ?, receipt_entries = ?,
    receipt_revision = ? WHERE id = ?`;
