import type { StoreHealth } from "../../core/store.ts";
import type { Client, Query } from "./client.ts";
import { numberChanges } from "./number-changes.ts";
import type { Place } from "./place.ts";
import { latestSchema, schemaOf } from "./schema.ts";

/** Counts what is stored; `deep` checks that the feed has no hole, and that every log is dense and ends at its head. */
export async function health(
  client: Client,
  place: Place,
  { deep, openAfterMs = 10_000 }: HealthParams,
): Promise<StoreHealth> {
  const { query } = client;
  const open = await openTransactions(query, place.schema, openAfterMs);
  // Whoever is open may hold the feed's lock: then the feed is told as it stands.
  const position =
    open.length === 0 ? await numberChanges(client) : (await query<Feed>(feedSql))[0]!.position;
  const [counts] = await query<Counts>(countsSql, place.schema);
  return {
    driver: "postgres",
    url: place.url,
    schema: await schemaOf(query, place),
    latestSchema,
    ...counts!,
    position,
    problems: [...(await settingProblems(query)), ...open, ...(deep ? await deepProblems(query) : [])],
  };
}

interface HealthParams {
  readonly deep: boolean;
  /** How long a transaction may be open: a write takes milliseconds. */
  readonly openAfterMs?: number;
}

type Counts = Pick<StoreHealth, "sessions" | "logs" | "entries" | "blobs" | "bytes">;

interface Feed {
  readonly position: number;
}

async function settingProblems(query: Query): Promise<string[]> {
  const rows = await query<{ name: string; setting: string }>(settingsSql);
  return rows.map(({ name, setting }) => `The server's ${name} is ${setting}: ${dangers[name]}`);
}

const dangers: Readonly<Record<string, string>> = {
  fsync: "a power cut may destroy the whole database.",
  full_page_writes: "a power cut may damage pages of the database.",
  synchronous_commit: "a crash may take the last acknowledged writes.",
  default_transaction_isolation:
    "writes that meet fail where they would wait. Set read committed for this user.",
};

/** A transaction that stays open stops whoever writes the same session, or numbers the feed. */
async function openTransactions(query: Query, schema: string, openAfterMs: number): Promise<string[]> {
  const rows = await query<OpenTransaction>(openSql, schema, openAfterMs);
  return rows.map(({ pid, prepared, seconds }) => {
    const which =
      pid === null ? `The prepared transaction "${prepared}"` : `The transaction of process ${pid}`;
    const end =
      pid === null ? "commit it or roll it back." : `end it, or run SELECT pg_terminate_backend(${pid}).`;
    return `${which} has written to the store and is open for ${seconds} s, and others wait for it: ${end}`;
  });
}

interface OpenTransaction {
  readonly pid: number | null;
  readonly prepared: string | null;
  readonly seconds: number;
}

async function deepProblems(query: Query): Promise<string[]> {
  const holes = await query<{ session: string; name: string }>(holesSql);
  const feed = await query<{ seq: number }>(feedHolesSql);
  return [
    ...holes.map(({ session, name }) => `Log "${name}" of session ${session} is not whole.`),
    ...feed.map(({ seq }) => `The change feed has no row ${seq}.`),
  ];
}

const countsSql = `
  SELECT (SELECT count(*) FROM hf.session WHERE NOT hidden) AS sessions,
    (SELECT count(*) FROM hf.log WHERE committed > 0) AS logs,
    (SELECT coalesce(sum(committed), 0)::bigint FROM hf.log) AS entries, (SELECT count(*) FROM hf.blob) AS blobs,
    (SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind = 'r') AS bytes`;
const feedSql = "SELECT coalesce(max(seq), 0) AS position FROM hf.change";
const settingsSql = `
  SELECT name, setting FROM pg_catalog.pg_settings
  WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'
    OR name = 'default_transaction_isolation' AND setting <> 'read committed'
  ORDER BY name`;
const openSql = `
  SELECT a.pid, p.gid AS prepared,
    extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, p.prepared))::bigint AS seconds
  FROM pg_catalog.pg_locks l
  JOIN pg_catalog.pg_class c ON c.oid = l.relation
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_database d ON d.oid = l.database AND d.datname = current_database()
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN pg_catalog.pg_prepared_xacts p ON l.virtualtransaction = '-1/' || p.transaction::text
  WHERE n.nspname = $1 AND l.mode = 'RowExclusiveLock'
    AND coalesce(a.xact_start, p.prepared) < clock_timestamp() - $2::bigint * interval '1 ms'
  GROUP BY 1, 2, 3 ORDER BY seconds DESC`;
const feedHolesSql = `
  SELECT before + 1 AS seq FROM (SELECT seq, lag(seq, 1, 0::bigint) OVER (ORDER BY seq) AS before FROM hf.change) c
  WHERE seq <> before + 1`;
const holesSql = `
  WITH piece AS (
    SELECT project, session, log_id, last_seq,
      first_seq - lag(last_seq, 1, 0::bigint) OVER (PARTITION BY project, session, log_id ORDER BY first_seq) <> 1
        OR jsonb_array_length(times::jsonb) <> last_seq - first_seq + 1
        OR length(bodies) - length(replace(bodies, chr(10), '')) <> last_seq - first_seq AS faulty
    FROM hf.chunk
  ),
  found AS (
    SELECT project, session, log_id, max(last_seq) AS head, bool_or(faulty) AS faulty FROM piece
    GROUP BY project, session, log_id
  )
  SELECT l.session, l.name FROM hf.log l LEFT JOIN found f
    ON f.project = l.project AND f.session = l.session AND f.log_id = l.id
  WHERE coalesce(f.head, 0) <> l.head OR f.faulty`;
