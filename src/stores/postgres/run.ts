import type { Receipt, Run } from "../../core/run.ts";
import type { Query, Value } from "./client.ts";

/** One run by its id. */
export async function run(query: Query, { run: id }: { readonly run: string }): Promise<Run | null> {
  return (await findRun(query, id)) ?? null;
}

/** The run of this id, whosever it is. */
export async function findRun(query: Query, id: string): Promise<Run | undefined> {
  return (await allRuns(query, "WHERE name = $1", id))[0]?.run;
}

/** A run with the id of its row. */
export interface StoredRun {
  readonly rowId: number;
  readonly run: Run;
}

/** The runs of a query's rest. */
export async function allRuns(query: Query, rest: string, ...values: readonly Value[]): Promise<StoredRun[]> {
  const rows = await query<RunRow>(`SELECT ${runColumns} FROM hf.run ${rest}`, ...values);
  return rows.map(toRun);
}

export interface RunRow extends Pick<
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

export function toRun(row: RunRow): StoredRun {
  const { rowId, input, endedAtMs, reason, outcome, digest, entries, newRevision, ...rest } = row;
  const made = {
    ...rest,
    input: String(input),
    ...(endedAtMs === null ? {} : { endedAtMs }),
    ...(reason === null ? {} : { reason }),
    ...(outcome === null ? {} : { outcome }),
  };
  if (digest === null) return { rowId, run: made };
  const receipt: Receipt = {
    run: made.id,
    seq: 1,
    digest,
    entries: entries!,
    revision: newRevision!,
    input: made.input,
    atMs: endedAtMs!,
  };
  return { rowId, run: { ...made, receipt } };
}

/** What a query of runs gives. */
export const runColumns = `
  id AS "rowId", name AS id, input, project, session, attempt, worker, epoch, revision, state,
  started_at_ms AS "startedAtMs", ended_at_ms AS "endedAtMs", reason, outcome, digest, receipt_entries AS entries,
  receipt_revision AS "newRevision"`;
