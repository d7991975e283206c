import { type Chunk, chunksOf, type TimedEntry } from "../../core/chunk.ts";
import { lengthOf } from "../../core/entry.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { AppendParams, AppendResult } from "../../core/store.ts";
import { chunkValues, type FoundLog, freshOf, perStatement } from "./add-entries.ts";
import { timesOf } from "./append-known.ts";
import type { Value } from "./client.ts";
import { nowSql, type Writer } from "./in-session.ts";
import type { KnownLogs } from "./known-logs.ts";
import { eighthSql } from "./updated.ts";

/**
 * What runs stage in this process: for each run one statement at a time, which takes what waits for all its logs, in one
 * round trip and one commit. It needs no knowledge of the session but its logs' rows, which are compared there.
 */
export class Staging {
  readonly #writer: Writer;
  readonly #known: KnownLogs;
  readonly #runs = new Map<string, StagingRun>();

  constructor(writer: Writer, known: KnownLogs) {
    this.#writer = writer;
    this.#known = known;
  }

  /** Undefined, with nothing written, where a rule refuses or more is to be known: whoever holds the lock says which. */
  stage(params: StageParams): Promise<AppendResult | undefined> {
    const run = this.#runOf(params);
    const { promise, resolve, reject } = Promise.withResolvers<AppendResult | undefined>();
    run.waiting.push({ params, resolve, reject });
    if (!run.isWorking) void this.#work(run);
    return promise;
  }

  #runOf({ run: id, log: { project, session } }: StageParams): StagingRun {
    const name = JSON.stringify([project, session, id]);
    const key = { project, session };
    const found = this.#runs.get(name) ?? {
      key,
      id,
      life: 0,
      logs: new Map(),
      waiting: [],
      isWorking: false,
    };
    this.#runs.delete(name);
    this.#runs.set(name, found);
    if (this.#runs.size > maxRuns) this.#runs.delete(this.#runs.keys().next().value!);
    return found;
  }

  async #work(run: StagingRun): Promise<void> {
    run.isWorking = true;
    // What is asked for in one go is written in one go.
    await Promise.resolve();
    while (run.waiting.length > 0) {
      const wave = waveOf(run.waiting);
      run.waiting = run.waiting.filter((job) => !wave.includes(job));
      try {
        const results = await this.#write(run, wave);
        wave.forEach(({ resolve }, index) => resolve(results?.[index]));
        if (results === undefined) run.logs.clear();
      } catch (error) {
        run.logs.clear();
        for (const { reject } of wave) reject(error);
      }
    }
    // At once with the look: who is answered may ask again before anything else runs.
    run.isWorking = false;
  }

  async #write(run: StagingRun, wave: readonly Job[]): Promise<readonly AppendResult[] | undefined> {
    const { client, now } = this.#writer;
    if (run.life !== client.life) run.logs.clear();
    run.life = client.life;
    await this.#read(run, wave);
    const parts = wave.map(({ params }) => this.#partOf(run, params));
    if (!parts.every((part) => part !== undefined)) return undefined;
    const chunks = parts.reduce((sum, part) => sum + part.chunks.length, 0);
    if (chunks > perStatement) return undefined;
    const statement = statementOf(parts.length, chunks);
    const values = valuesOf(run, wave, parts, now());
    const rows = (await client.writeIn<StagedRow>(run.life, statement, ...values)) ?? [];
    if (rows.length === 0) return undefined;
    const ids = new Map(rows.map((row) => [row.log, row]));
    return parts.map((part) => this.#learn(run, part, ids.get(part.log)!));
  }

  /** Reads the rows of the logs that this run stages into for the first time. */
  async #read({ key, logs }: StagingRun, wave: readonly Job[]): Promise<void> {
    const names = wave.map(({ params }) => params.log.log).filter((name) => !logs.has(name));
    if (names.length === 0) return;
    const { query } = this.#writer.client;
    const rows = await query<NamedLog>(rowsSql, key.project, key.session, JSON.stringify(names));
    for (const name of names) logs.set(name, null);
    // Also without the lock: what is added meanwhile makes another head, and what is taken back another count of cuts.
    for (const { name, ...row } of rows) {
      await this.#known.upTo(query, key, { ...row, logId: row.id });
      logs.set(name, row);
    }
  }

  #partOf(run: StagingRun, { log: { log }, entries }: StageParams): Part | undefined {
    const row = run.logs.get(log) ?? null;
    const uuids = row === null ? noUuids : this.#known.at({ ...row, logId: row.id });
    if (uuids === undefined) return undefined;
    const fresh = freshOf(entries, uuids);
    const times = timesOf(fresh, row?.atMs ?? 0);
    const chunks = chunksOf(row?.head ?? 0, times.entries);
    if (fresh.length === 0) return undefined;
    return {
      log,
      row,
      fresh: times.entries,
      given: entries.length,
      atMs: times.atMs,
      wantedMs: times.wantedMs,
      chunks,
    };
  }

  #learn(run: StagingRun, { log, row, fresh, given }: Part, { id, at }: StagedRow): AppendResult {
    const { head, committed, cuts } = row ?? { head: 0, committed: 0, cuts: 0 };
    const to = head + fresh.length;
    run.logs.set(log, { id, head: to, committed, cuts, atMs: at });
    this.#known.advance(
      { logId: id, head, cuts },
      to,
      fresh.flatMap(({ uuid }) => uuid ?? []),
    );
    return { from: head + 1, to, appended: fresh.length, duplicates: given - fresh.length, committed };
  }
}

/** An append that stages, and asks for nothing else. */
export interface StageParams extends Pick<AppendParams, "log" | "entries" | "reopen"> {
  readonly run: string;
  readonly fence: NonNullable<AppendParams["fence"]>;
}

/** Whether an append only stages; else it is for whoever holds the lock. */
export function stagesOnly(params: AppendParams): params is AppendParams & StageParams {
  const { run, fence, expectHead, signal, entries } = params;
  const plain = expectHead === undefined && signal === undefined && entries.length > 0;
  return plain && run !== undefined && fence !== undefined;
}

interface StagingRun {
  readonly key: SessionKey;
  readonly id: string;
  /** The server's, of which the rows are. */
  life: number;
  /** Their rows after the last statement; null where there is none yet. */
  readonly logs: Map<string, FoundLog | null>;
  waiting: readonly Job[] & Job[];
  isWorking: boolean;
}

interface Job {
  readonly params: StageParams;
  readonly resolve: (result: AppendResult | undefined) => void;
  readonly reject: (error: unknown) => void;
}

interface Part {
  readonly log: string;
  readonly row: FoundLog | null;
  readonly fresh: readonly TimedEntry[];
  readonly given: number;
  readonly atMs: number;
  readonly wantedMs: number;
  readonly chunks: readonly Chunk[];
}

interface NamedLog extends FoundLog {
  readonly name: string;
}

interface StagedRow {
  readonly log: string;
  readonly id: number;
  readonly at: number;
}

const noUuids: ReadonlySet<string> = new Set();
const maxRuns = 1000;
const maxLogs = 4;

/** Of each log the first that waits, as long as all have the same fence and fate. */
function waveOf(waiting: readonly Job[]): readonly Job[] {
  const [first] = waiting;
  const { fence, reopen } = first!.params;
  const logs = new Map<string, Job>();
  for (const job of waiting) {
    const { params } = job;
    if (params.fence.epoch !== fence.epoch || params.reopen !== reopen) break;
    if (!logs.has(params.log.log) && logs.size < maxLogs) logs.set(params.log.log, job);
  }
  return [...logs.values()];
}

function valuesOf(
  run: StagingRun,
  wave: readonly Job[],
  parts: readonly Part[],
  now: number | null,
): Value[] {
  const { fence, reopen } = wave[0]!.params;
  const values: Value[] = [run.key.project, run.key.session, run.id, fence.epoch, now, reopen ?? null];
  for (const { log, row, fresh, atMs, wantedMs } of parts) {
    const isGiven = !Number.isNaN(fresh.at(-1)!.atMs);
    const firstMs = fresh[0]!.atMs;
    values.push(log, row?.id ?? null, row?.head ?? 0, row?.cuts ?? 0, fresh.length, lengthOf(fresh));
    values.push(atMs, isGiven, wantedMs, Number.isNaN(firstMs) ? null : firstMs);
  }
  for (const { log, chunks } of parts) for (const chunk of chunks) values.push(log, ...chunkValues(chunk));
  return values;
}

const statements = new Map<string, string>();

function statementOf(logs: number, chunks: number): string {
  const name = `${logs} ${chunks}`;
  let statement = statements.get(name);
  if (statement === undefined) statements.set(name, (statement = statementText(logs, chunks)));
  return statement;
}

const rowsSql = `
  SELECT name, id, head, committed, cuts, updated_at_ms AS "atMs" FROM hf.log
  WHERE project = $1 AND session = $2 AND name IN (SELECT jsonb_array_elements_text($3::text::jsonb))`;

// The lane is taken only as the statement's snapshot shows it, so that nothing else that is looked at there is older than
// the lock. A log that is not there yet needs a session that may begin.
function statementText(logs: number, chunks: number): string {
  const logTypes = [
    "text",
    "bigint",
    "bigint",
    "bigint",
    "bigint",
    "bigint",
    "bigint",
    "boolean",
    "bigint",
    "bigint",
  ];
  const chunkTypes = ["text", "bigint", "bigint", "text", "text", "text"];
  return `
    WITH t AS MATERIALIZED (SELECT ${nowSql("$5")} AS now),
    given (log, id, head, cuts, count, length, previous, is_given, wanted, first) AS MATERIALIZED (
      VALUES ${rowsOf(logTypes, logs, 7)}),
    lane AS (
      UPDATE hf.lane l SET version = l.version + 1 FROM t
      WHERE l.project = $1 AND l.session = $2 AND l.epoch = $4 AND l.owner IS NOT NULL AND l.until_ms > t.now
        AND l.open_run = $3 AND l.running
        AND l.version = (SELECT s.version FROM hf.lane s WHERE s.project = $1 AND s.session = $2)
        AND EXISTS (SELECT FROM hf.run r WHERE r.name = $3 AND r.epoch = $4 AND r.state = 'running')
        AND NOT EXISTS (
          SELECT FROM given g LEFT JOIN hf.log x ON x.project = $1 AND x.session = $2 AND x.name = g.log
          WHERE g.wanted > t.now OR x.id IS DISTINCT FROM g.id OR x.head <> g.head OR x.cuts <> g.cuts)
        AND NOT EXISTS (
          SELECT FROM given g, hf.tombstone d
          WHERE g.id IS NULL AND d.project = $1 AND d.session = $2
            AND CASE $6::text WHEN 'any' THEN false WHEN 'unsealed' THEN d.sealed ELSE true END)
      RETURNING t.now),
    part AS MATERIALIZED (
      SELECT g.*, coalesce(g.first, lane.now) AS created,
        CASE WHEN g.is_given THEN g.previous ELSE greatest(g.previous, lane.now) END AS at
      FROM given g, lane),
    session AS (
      INSERT INTO hf.session (project, session, provider, created_at_ms, updated_at_ms, updated_eighth)
      SELECT $1, $2, i.provider, p.created, p.created, ${eighthSql("p.created")} FROM (SELECT created FROM part LIMIT 1) p, hf.run r
      JOIN hf.input i ON i.project = r.project AND i.session = r.session AND i.id = r.input
      WHERE r.name = $3 AND NOT EXISTS (SELECT FROM hf.session s WHERE s.project = $1 AND s.session = $2)),
    made AS (
      INSERT INTO hf.log (project, session, name, head, staged_length, created_at_ms, updated_at_ms)
      SELECT $1, $2, log, count, length, created, at FROM part WHERE id IS NULL
      RETURNING name, id),
    log AS (
      UPDATE hf.log l SET head = p.head + p.count, staged_length = l.staged_length + p.length, updated_at_ms = p.at
      FROM part p WHERE p.id IS NOT NULL AND l.project = $1 AND l.session = $2 AND l.name = p.log),
    chunk AS (
      INSERT INTO hf.chunk (project, session, log_id, first_seq, last_seq, times, uuids, bodies)
      SELECT $1, $2, coalesce(p.id, m.id), c.first, c.last, replace(c.times, 'null', p.at::text), c.uuids, c.bodies
      FROM (VALUES ${rowsOf(chunkTypes, chunks, 7 + logs * logTypes.length)}) AS c (log, first, last, times, uuids, bodies)
      JOIN part p ON p.log = c.log LEFT JOIN made m ON m.name = c.log)
    SELECT p.log, coalesce(p.id, m.id) AS id, p.at FROM part p LEFT JOIN made m ON m.name = p.log`;
}

function rowsOf(types: readonly string[], count: number, from: number): string {
  return Array.from({ length: count }, (_, row) => {
    const columns = types.map((type, index) => `$${from + row * types.length + index}::${type}`);
    return `(${columns.join(", ")})`;
  }).join(", ");
}
