import type { SQLInputValue } from "node:sqlite";
import type { Run, RunState } from "../../core/run.ts";
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
  const [, input, attempt] = /^([1-9]\d{0,15})\.([1-9]\d{0,8})$/.exec(id) ?? [];
  if (input === undefined) return undefined;
  let [found] = connection.tuples<RunColumns>(lastSql, Number(input)).map(toRun);
  while (found !== undefined && found.run.attempt > Number(attempt))
    found = allRuns(connection, "WHERE id = ?", found.previous)[0];
  return found?.run.id === id ? found : undefined;
}

/** A run's id, which its row does not hold a second time. */
export function runIdOf(input: number | string, attempt: number): string {
  return `${input}.${attempt}`;
}

/** The runs of a query's rest. */
export function allRuns(connection: Connection, rest: string, ...values: SQLInputValue[]): FoundRun[] {
  return connection.tuples<RunColumns>(`${runSql} ${rest}`, ...values).map(toRun);
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

type RunColumns = readonly [
  rowId: number,
  input: number,
  previous: number | null,
  project: string,
  session: string,
  attempt: number,
  worker: string,
  epoch: number,
  revision: number,
  state: RunState,
  startedAtMs: number,
  endedAtMs: number | null,
  reason: string | null,
  outcome: string | null,
  digest: string | null,
  receiptEntries: number | null,
  receiptRevision: number | null,
];

interface FoundRun extends StoredRun {
  readonly previous: number | null;
}

// Named one by one: a spread of what the driver gives costs more than its query.
function toRun(columns: RunColumns): FoundRun {
  const [rowId, number, previous, project, session, attempt, worker, epoch, revision, ...rest] = columns;
  const [state, startedAtMs, endedAtMs, reason, outcome, digest, entries, newRevision] = rest;
  const id = runIdOf(number, attempt);
  const input = String(number);
  const receipt = { run: id, seq: 1, digest: digest!, entries: entries!, revision: newRevision!, input };
  const run = {
    id,
    project,
    session,
    input,
    attempt,
    worker,
    epoch,
    revision,
    state,
    startedAtMs,
    ...(endedAtMs === null ? {} : { endedAtMs }),
    ...(reason === null ? {} : { reason }),
    ...(outcome === null ? {} : { outcome }),
    ...(digest === null ? {} : { receipt: { ...receipt, atMs: endedAtMs! } }),
  };
  return { rowId, previous, run };
}

const runSql = `
  SELECT id, input, previous, project, session, attempt, worker, epoch, revision, state, started_at_ms, ended_at_ms,
    reason, outcome, digest, receipt_entries, receipt_revision FROM run`;
const lastSql = `${runSql} WHERE id = (SELECT i.run FROM input i WHERE i.id = ?)`;
const saveSql = `
  UPDATE run SET state = ?, ended_at_ms = ?, reason = ?, outcome = ?, digest = ?, receipt_entries = ?,
    receipt_revision = ? WHERE id = ?`;
