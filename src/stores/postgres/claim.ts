import { setTimeout } from "node:timers/promises";
import type { Claim, ClaimParams } from "../../core/run.ts";
import type { Query } from "./client.ts";
import { nowSql, type Writer } from "./in-session.ts";
import { inputColumns, type InputRow, toInput } from "./input.ts";
import { ownJson } from "./own-values.ts";

/** Begins a run on the next input, if there is one that may run. */
export async function claim(writer: Writer, params: ClaimParams): Promise<Claim | null> {
  for (let attempt = 1; ; attempt += 1) {
    const found = await (params.maxRunsPerProject === undefined
      ? claimNext(writer.client.write, writer.now(), params)
      : claimLimited(writer, params));
    if (found.claim !== undefined) return found.claim;
    // Whoever holds a session's lock now may leave it as it is: then it is still to be claimed.
    if (!found.passed || attempt === maxAttempts) return null;
    await setTimeout(attempt);
  }
}

interface Found {
  readonly claim?: Claim;
  /** A session that is ready was passed over, because another one writes it. */
  readonly passed: boolean;
}

/** The claims of one project follow one another, so that each counts those before it. */
async function claimLimited({ client, now }: Writer, params: ClaimParams): Promise<Found> {
  const { project, session = null, providers, maxRunsPerProject } = params;
  const given = [project ?? null, session, providersText(providers), maxRunsPerProject ?? null];
  const [ready] = await client.query<{ project: string }>(readySql, now(), ...given);
  if (ready === undefined) return { passed: false };
  return client.transaction(async (query) => {
    await query(limitSql, ready.project);
    const found = await claimNext(query, now(), { ...params, project: ready.project });
    // Another claim came first there, and another project may be ready.
    return { passed: true, ...(found.claim && { claim: found.claim }) };
  });
}

async function claimNext(write: Query, now: number | null, params: ClaimParams): Promise<Found> {
  const { worker, leaseMs, project = null, session = null, providers, maxRunsPerProject = null } = params;
  const filters = [project, session, providersText(providers), maxRunsPerProject];
  const [row] = await write<ClaimedRow | NothingRow>(claimSql, now, ...filters, worker, leaseMs);
  return row!.epoch === null ? { passed: row!.passed } : { claim: claimOf(row as ClaimedRow), passed: false };
}

function claimOf({ epoch, revision, untilMs, now, passed: _, worker, attempt, ...row }: ClaimedRow): Claim {
  const input = toInput(row);
  const { project, session } = input;
  const begun = {
    attempt,
    worker,
    epoch,
    revision,
    state: "running" as const,
    startedAtMs: now,
  };
  return {
    input,
    run: { id: input.run!, project, session, input: input.id, ...begun },
    lease: { project, session, epoch, owner: worker, sinceMs: now, untilMs },
  };
}

interface ClaimedRow extends InputRow {
  readonly epoch: number;
  readonly worker: string;
  readonly attempt: number;
  readonly revision: number;
  readonly now: number;
  readonly untilMs: number;
  readonly passed: boolean;
}

interface NothingRow {
  readonly epoch: null;
  readonly passed: boolean;
}

function providersText(providers: readonly string[] | undefined): string | null {
  return providers === undefined ? null : ownJson(providers);
}

const maxAttempts = 5;

// Of any lane: no lease is live, no run is open, and the next input is one that is wanted.
const isReadySql = `
  l.next_input IS NOT NULL AND l.open_run IS NULL AND (l.owner IS NULL OR l.until_ms <= ${nowSql("$1")})
  AND ($2::text IS NULL OR l.project = $2) AND ($3::text IS NULL OR l.session = $3)
  AND ($4::text IS NULL OR (
    SELECT i.provider FROM hf.input i WHERE i.project = l.project AND i.session = l.session AND i.id = l.next_input
  ) IN (SELECT jsonb_array_elements_text($4::text::jsonb)))
  AND ($5::bigint IS NULL OR (SELECT count(*) FROM hf.lane o WHERE o.project = l.project AND o.running) < $5)`;
const orderSql = "ORDER BY l.next_priority DESC, l.served, l.next_input LIMIT 1";
const readySql = `SELECT l.project FROM hf.lane l WHERE ${isReadySql} ${orderSql}`;
const limitSql = "SELECT pg_advisory_xact_lock(hashtextextended('holdfast.claim.hf.' || $1::text, 0))";
// The number of an input's last run, which counts those too that were no tries.
const attemptSql = "split_part(i.run, '.', 2)::integer";
// One statement, which takes a lane only as its snapshot shows it: what else it looks at is not older than the lock then.
const claimSql = `
  WITH t AS MATERIALIZED (SELECT ${nowSql("$1")} AS now),
  pick AS MATERIALIZED (
    SELECT l.project, l.session, l.next_input FROM hf.lane l
    WHERE ${isReadySql}
      AND l.version = (SELECT s.version FROM hf.lane s WHERE s.project = l.project AND s.session = l.session)
    ${orderSql} FOR UPDATE SKIP LOCKED),
  input AS (
    UPDATE hf.input i SET state = 'running', attempts = i.attempts + 1, updated_at_ms = t.now,
      run = i.id || '.' || (coalesce(${attemptSql}, 0) + 1)
    FROM pick, t WHERE i.project = pick.project AND i.session = pick.session AND i.id = pick.next_input
    RETURNING i.*),
  lane AS (
    UPDATE hf.lane l SET version = l.version + 1, epoch = l.epoch + 1, owner = $6,
      since_ms = t.now, until_ms = t.now + $7::bigint, open_run = input.run, running = true,
      served = nextval('hf.served'), (next_input, next_priority) = (
        SELECT q.id, q.priority FROM hf.input q
        WHERE q.project = input.project AND q.session = input.session AND q.state = 'queued' AND q.id <> input.id
        ORDER BY q.priority DESC, q.id LIMIT 1)
    FROM input, t WHERE l.project = input.project AND l.session = input.session
    RETURNING l.version, l.epoch, l.until_ms),
  run AS (
    INSERT INTO hf.run (project, session, name, input, attempt, worker, epoch, revision, state, started_at_ms)
    SELECT i.project, i.session, i.run, i.id, ${attemptSql}, $6, lane.epoch, coalesce(
      (SELECT s.revision FROM hf.session s WHERE s.project = i.project AND s.session = i.session), 0), 'running', t.now
    FROM input i, lane, t
    RETURNING revision, attempt),
  change AS (
    INSERT INTO hf.unnumbered (at_ms, kind, project, session, subject)
    SELECT t.now, 'run', i.project, i.session, i.run FROM input i, lane, t)
  SELECT claimed.*, t.now, CASE WHEN claimed.epoch IS NULL THEN EXISTS (
    SELECT FROM hf.lane l WHERE ${isReadySql}) ELSE false END AS passed
  FROM t LEFT JOIN (
    SELECT ${inputColumns}, lane.epoch, lane.until_ms AS "untilMs", run.revision, run.attempt, $6::text AS worker
    FROM input, lane, run) claimed ON true`;
