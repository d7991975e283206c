import { type Holding, isFinal, laterRuns } from "../../core/holdings.ts";
import type { Run } from "../../core/run.ts";
import type { Client, Value } from "./client.ts";
import type { LockedSession } from "./in-session.ts";
import { allInputs, numberOf } from "./input.ts";
import { ownJson } from "./own-values.ts";
import { findRun } from "./run.ts";

type InputHolding = Extract<Holding, { kind: "input" }>;

/** Sees that the ids of these inputs are not given any more: the session's own logs carry them. */
export async function reserveIds(client: Client, holdings: readonly Holding[]): Promise<void> {
  const ids = holdings.flatMap((holding) => (holding.kind === "input" ? [numberOf(holding.input.id)] : []));
  const greatest = Math.max(0, ...ids);
  if (greatest === 0) return;
  const [row] = await client.query<{ last: number }>(`SELECT ${lastSql} AS last`);
  if (row!.last >= greatest) return;
  // Whoever takes an id has the table's lock: without this one the sequence could be set back behind what was given.
  await client.script(`
    LOCK TABLE hf.input IN SHARE ROW EXCLUSIVE MODE;
    SELECT setval(${sequenceSql}, greatest(${lastSql}, ${greatest}))`);
}

/**
 * Takes inputs that have ended under their own ids, with their runs, but for those of which a name is taken. One that is
 * abandoned here, and was queued again there, goes on as it did there.
 */
export async function adoptInputs(locked: LockedSession, holdings: readonly InputHolding[]): Promise<number> {
  const { query, key, now } = locked;
  const ended = holdings.filter(({ input }) => isFinal(input) && numberOf(input.id) > 0);
  if (ended.length === 0) return 0;
  const later = await laterHoldings(locked, ended);
  const written = await Promise.all(
    ended.map((holding) => {
      const runs = later.get(holding);
      const sql = runs === undefined ? adoptSql : laterSql;
      return query(sql, key.project, key.session, now, ...valuesOf(holding, runs));
    }),
  );
  return written.reduce((sum, { count }) => sum + count, 0);
}

/** The new runs of those that go on with what is abandoned here. */
async function laterHoldings(
  { query, key: { project, session } }: LockedSession,
  holdings: readonly InputHolding[],
): Promise<ReadonlyMap<InputHolding, readonly Run[]>> {
  const ids = JSON.stringify(holdings.map(({ input }) => numberOf(input.id)));
  const abandoned = await allInputs(query, abandonedSql, project, session, ids);
  const found = new Map<InputHolding, readonly Run[]>();
  for (const known of abandoned) {
    const holding = holdings.find(({ input }) => input.id === known.id)!;
    const last = known.run === undefined ? undefined : await findRun(query, known.run);
    const runs = laterRuns(known, last, holding);
    if (runs !== undefined) found.set(holding, runs);
  }
  return found;
}

function valuesOf({ input, runs }: InputHolding, added = runs): Value[] {
  const { id, key, body, provider, priority, state, attempts, admittedAtMs, updatedAtMs } = input;
  const { reason = null, cancelRequested = false } = input;
  const life = [state, attempts, admittedAtMs, updatedAtMs, runs.at(-1)?.id ?? null, reason, cancelRequested];
  return [numberOf(id), key, body, provider, priority, ...life, ownJson(added.map(columnsOf))];
}

function columnsOf({ receipt, ...run }: Run): object {
  const { digest, entries, revision } = receipt ?? {};
  return { ...run, digest, receiptEntries: entries, receiptRevision: revision };
}

const sequenceSql = "pg_get_serial_sequence('hf.input', 'id')::regclass";
const lastSql = `coalesce(pg_sequence_last_value(${sequenceSql}), 0)`;
const givenSql = `
  given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset($16::text::jsonb) AS r (id text, attempt integer, worker text, epoch bigint,
      revision bigint, state text, "startedAtMs" bigint, "endedAtMs" bigint, reason text, outcome text, digest text,
      "receiptEntries" bigint, "receiptRevision" bigint))`;
const addedSql = `
  run AS (
    INSERT INTO hf.run (project, session, input, name, attempt, worker, epoch, revision, state, started_at_ms,
      ended_at_ms, reason, outcome, digest, receipt_entries, receipt_revision)
    SELECT $1, $2, input.id, g.id, g.attempt, g.worker, g.epoch, g.revision, g.state, g."startedAtMs", g."endedAtMs",
      g.reason, g.outcome, g.digest, g."receiptEntries", g."receiptRevision"
    FROM input, given g ORDER BY g.attempt),
  change AS (
    INSERT INTO hf.unnumbered (at_ms, kind, project, session, subject)
    SELECT $3::bigint, 'input', $1, $2, id::text FROM input)
  SELECT id FROM input`;
// By the unique index of the ids, and by a look at them where a split table can have none.
const adoptSql = `
  WITH ${givenSql},
  input AS (
    INSERT INTO hf.input (project, session, id, key, body, provider, priority, state, attempts, admitted_at_ms,
      updated_at_ms, run, reason, cancel_requested)
    OVERRIDING SYSTEM VALUE
    SELECT $1, $2, $4::bigint, $5, $6, $7, $8::bigint, $9, $10::integer, $11::bigint, $12::bigint, $13, $14, $15::boolean
    WHERE NOT EXISTS (SELECT FROM hf.input WHERE id = $4)
      AND NOT EXISTS (SELECT FROM hf.run r JOIN given ON r.name = given.id)
    ON CONFLICT DO NOTHING
    RETURNING id),${addedSql}`;
const laterSql = `
  WITH ${givenSql},
  input AS (
    UPDATE hf.input SET body = $6, provider = $7, priority = $8::bigint, admitted_at_ms = $11::bigint, state = $9, attempts = $10::integer, updated_at_ms = $12::bigint, run = $13, reason = $14,
      cancel_requested = $15::boolean
    WHERE project = $1 AND session = $2 AND id = $4::bigint AND key = $5 AND state = 'abandoned'
    RETURNING id),${addedSql}`;
const abandonedSql = `
  WHERE project = $1 AND session = $2 AND state = 'abandoned'
    AND id IN (SELECT jsonb_array_elements_text($3::text::jsonb)::bigint)`;
