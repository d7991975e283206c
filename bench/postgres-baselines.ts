import pg from "pg";
import postgres from "postgres";

/** A store of sessions as most are made: a row of jsonb for each entry, a serial id that gives the order. */
export interface Baseline {
  readonly name: string;
  readonly append: (session: string, entries: readonly object[]) => Promise<void>;
  load(session: string): Promise<readonly object[]>;
  readonly list: (limit: number | null) => Promise<number>;
  /** For upkeep of the whole database. */
  readonly query: (sql: string) => Promise<unknown>;
  close(): Promise<void>;
}

/** The two ways of doing it, each with a table of its own: `postgres` with a multi-row INSERT, `pg` with VALUES ::jsonb. */
export async function baselines(url: string): Promise<readonly [Baseline, Baseline]> {
  const sql = postgres(url, { max: connections, onnotice: () => {} });
  for (const table of ["baseline_a", "baseline_b"]) await sql.unsafe(tableSql(table));
  const pool = new pg.Pool({ connectionString: url, max: connections });
  return [baselineA(sql), baselineB(pool)];
}

/** As many for each contender. */
export const connections = 10;

function baselineA(sql: postgres.Sql): Baseline {
  return {
    name: "a",
    append: async (session, entries) => {
      const rows = entries.map((entry) => ({
        ...keyOf(session),
        entry: sql.json(entry as postgres.JSONValue),
      }));
      await sql`INSERT INTO baseline_a ${sql(rows)}`;
    },
    load: async (session) => {
      const rows = await sql<Row[]>`
        SELECT entry FROM baseline_a WHERE project_key = 'bench' AND session_id = ${session} AND subpath = '' ORDER BY id`;
      return rows.map(({ entry }) => entry);
    },
    list: async (limit) => (await sql.unsafe(listSql("baseline_a"), [limit], { prepare: true })).length,
    query: (text) => sql.unsafe(text),
    close: () => sql.end(),
  };
}

function baselineB(pool: pg.Pool): Baseline {
  return {
    name: "b",
    append: async (session, entries) => {
      const rows = entries.map((_, at) => `($1, $2, $3, $${at + 4}::jsonb)`);
      await pool.query(
        `INSERT INTO baseline_b (project_key, session_id, subpath, entry) VALUES ${rows.join(", ")}`,
        [...Object.values(keyOf(session)), ...entries.map((entry) => JSON.stringify(entry))],
      );
    },
    load: async (session) => {
      const { rows } = await pool.query<Row>(
        "SELECT entry FROM baseline_b WHERE project_key = 'bench' AND session_id = $1 AND subpath = '' ORDER BY id",
        [session],
      );
      return rows.map(({ entry }) => entry);
    },
    list: async (limit) => (await pool.query(listSql("baseline_b"), [limit])).rows.length,
    query: (text) => pool.query(text),
    close: () => pool.end(),
  };
}

interface Row {
  readonly entry: object;
}

function keyOf(session: string) {
  return { project_key: "bench", session_id: session, subpath: "" };
}

function tableSql(table: string): string {
  return `
    DROP TABLE IF EXISTS ${table};
    CREATE TABLE ${table} (
      id bigserial PRIMARY KEY,
      project_key text NOT NULL,
      session_id text NOT NULL,
      subpath text NOT NULL DEFAULT '',
      entry jsonb NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX ${table}_key ON ${table} (project_key, session_id, subpath, id)`;
}

function listSql(table: string): string {
  return `
    SELECT session_id, max(created_at) AS updated_at, count(*) AS entries FROM ${table}
    WHERE project_key = 'bench' AND subpath = '' GROUP BY session_id ORDER BY updated_at DESC LIMIT $1::bigint`;
}
