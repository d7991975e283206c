export { openPostgresStore, type PostgresStoreOptions } from "./stores/postgres/index.ts";
export type { Pool, PooledClient } from "./stores/postgres/pool-client.ts";
