import postgres from "postgres";
import { startServer } from "../test/postgres/server.ts";

/** The server that HOLDFAST_BENCH_POSTGRES names, or an embedded one for this run; each run in a database of its own. */
export async function benchServer(): Promise<BenchServer> {
  const given = process.env["HOLDFAST_BENCH_POSTGRES"];
  const server =
    given === undefined || given === ""
      ? await startServer({ flags: ["-c", "shared_buffers=512MB", "-c", "max_wal_size=8GB"] })
      : undefined;
  const base = server?.url ?? given!;
  const sql = postgres(base, { max: 1, onnotice: () => {} });
  const database = `holdfast_bench_${process.pid}`;
  await sql.unsafe(`CREATE DATABASE ${database}`);
  const [about] = await sql<{ version: string; lz4: boolean }[]>`
    SELECT current_setting('server_version') AS version, 'lz4' = ANY (enumvals) AS lz4
    FROM pg_settings WHERE name = 'default_toast_compression'`;
  const url = new URL(base);
  url.pathname = `/${database}`;
  return {
    url: url.href,
    hasLz4: about!.lz4,
    name: `PostgreSQL ${about!.version.split(" ")[0]} ${about!.lz4 ? "with" : "without"} lz4`,
    stop: async () => {
      // Pools say that they have ended before the server has seen it, and to be cut off would end the run.
      for (let rest = 1; rest > 0;)
        [{ rest }] = await sql<[{ rest: number }]>`
          SELECT count(*)::int AS rest FROM pg_stat_activity WHERE datname = ${database}`;
      await sql.unsafe(`DROP DATABASE ${database}`);
      await sql.end();
      await server?.stop();
    },
  };
}

export interface BenchServer {
  readonly url: string;
  readonly name: string;
  /** Whether bodies are compressed. */
  readonly hasLz4: boolean;
  stop(): Promise<void>;
}
