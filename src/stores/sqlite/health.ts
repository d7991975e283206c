import { statSync } from "node:fs";
import type { StoreHealth } from "../../core/store.ts";
import { positionOf } from "./changes.ts";
import type { Connection } from "./connection.ts";
import { latestSchema, schemaOf } from "./schema.ts";

/** Counts what is stored; `deep` checks the file and that every log is dense and ends at its head. */
export function health(connection: Connection, url: string, deep: boolean): StoreHealth {
  return {
    driver: "sqlite",
    url,
    schema: schemaOf(connection),
    latestSchema,
    ...connection.get<Counts>(countsSql)!,
    position: positionOf(connection),
    bytes: sizeOf(connection.path) + sizeOf(`${connection.path}-wal`),
    problems: [...modeProblems(connection.path), ...(deep ? deepProblems(connection) : [])],
  };
}

type Counts = Pick<StoreHealth, "sessions" | "logs" | "entries" | "blobs">;

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function modeProblems(path: string): string[] {
  const mode = statSync(path).mode & 0o077;
  if (mode === 0 || process.platform === "win32") return [];
  return [`Other users can reach ${path}: run chmod 600 on it.`];
}

function deepProblems(connection: Connection): string[] {
  const check = connection.all<{ integrity_check: string }>("PRAGMA integrity_check");
  const damage = check.map((row) => row.integrity_check).filter((line) => line !== "ok");
  const holes = connection.all<{ project: string; session: string; name: string }>(holesSql);
  const feed = connection.all<{ seq: number }>(feedHolesSql);
  return [
    ...damage,
    ...holes.map((row) => `Log "${row.name}" of session ${row.session} is not whole.`),
    ...feed.map(({ seq }) => `The change feed has no row ${seq}.`),
  ];
}

const countsSql = `
  SELECT (SELECT count(*) FROM session WHERE hidden = 0) AS sessions,
    (SELECT count(*) FROM log WHERE committed > 0) AS logs,
    (SELECT coalesce(sum(committed), 0) FROM log) AS entries, (SELECT count(*) FROM blob) AS blobs`;
const feedHolesSql = `
  SELECT before + 1 AS seq FROM (SELECT seq, lag(seq, 1, 0) OVER (ORDER BY seq) AS before FROM change)
  WHERE seq <> before + 1`;
const holesSql = `
  WITH c AS (
    SELECT log_id, last_seq,
      first_seq - coalesce(lag(last_seq) OVER (PARTITION BY log_id ORDER BY first_seq), 0) <> 1
        OR json_array_length(times) <> last_seq - first_seq + 1
        OR length(bodies) - length(replace(bodies, char(10), '')) <> last_seq - first_seq AS faulty
    FROM chunk
  )
  SELECT s.project, s.session, l.name FROM log l JOIN session s ON s.id = l.session_id
  LEFT JOIN (SELECT log_id, max(last_seq) AS high, max(faulty) AS faulty FROM c GROUP BY log_id) e ON e.log_id = l.id
  WHERE coalesce(e.high, 0) <> l.head OR e.faulty`;
