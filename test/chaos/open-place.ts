import type { Clock } from "../../src/core/clock.ts";
import type { Store } from "../../src/core/store.ts";
import { openPostgresStore } from "../../src/stores/postgres/index.ts";
import { openSqliteStore } from "../../src/stores/sqlite/index.ts";

/** Opens a store: of an SQLite file, or of a PostgreSQL URL. */
export async function openPlace(place: string, clock?: Clock): Promise<Store> {
  if (place.startsWith("postgres:"))
    return await openPostgresStore({ url: place, connections: 4, ...(clock && { clock }) });
  return openSqliteStore({ path: place, ...(clock && { clock }) });
}
