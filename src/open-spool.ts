import type { Store } from "./core/store.ts";
import type { SpooledStore, SpoolOptions } from "./runtime/spooled.ts";

/** Options of {@link spooled}. */
export interface SpooledOptions extends SpoolOptions {
  /** The spool's own folder: one process at a time uses it. */
  readonly dir: string;
}

/**
 * Puts a spool before a store that is far away: appends are acknowledged from a SQLite file in `dir`, and shipped in order
 * in the background. Closing it closes the store too.
 *
 * @throws store_busy where another process uses the folder; store_unreachable, store_foreign, store_too_new
 */
export async function spooled(store: Store, { dir, ...options }: SpooledOptions): Promise<SpooledStore> {
  const { openSqliteSpool } = await import("./stores/sqlite/spool/index.ts");
  const { spoolAppends } = await import("./runtime/spooled.ts");
  return spoolAppends(store, openSqliteSpool({ dir }), options);
}
