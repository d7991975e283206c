import { type Clock, systemClock } from "./core/clock.ts";
import { HoldfastError } from "./core/errors.ts";
import type { Store } from "./core/store.ts";

/** Options of {@link openStore}. */
export interface OpenStoreOptions {
  /** Make the store where there is none; default true. */
  readonly create?: boolean;
  /** Where the store takes its time from; default is the machine's clock, or the PostgreSQL server's. */
  readonly clock?: Clock;
}

/**
 * Opens the store that a URL names: `sqlite:PATH`, `postgres://…` or `memory:`. Only the driver that is named is loaded.
 *
 * @throws store_url_invalid for another scheme; store_unreachable, store_foreign, store_too_new as the driver finds
 */
export async function openStore(
  url: string,
  { create = true, clock: given }: OpenStoreOptions = {},
): Promise<Store> {
  const clock = given ?? systemClock;
  if (url === "memory:") return (await import("./stores/memory/index.ts")).openMemoryStore({ clock });
  if (/^postgres(?:ql)?:/.test(url))
    return (await import("./stores/postgres/index.ts")).openPostgresStore({ url, create, clock: given });
  const path = /^sqlite:(?:\/\/(?=\/))?(.+)$/s.exec(url)?.[1];
  if (path !== undefined)
    return (await import("./stores/sqlite/index.ts")).openSqliteStore({ path, create, clock });
  throw new HoldfastError({
    code: "store_url_invalid",
    message: `The store URL names no driver: ${withoutCredentials(url)}.`,
    next: "Use sqlite:PATH, such as sqlite:./holdfast.db, postgres://HOST/DATABASE, or memory:.",
  });
}

// A password may hold a slash or an at sign that was not escaped.
function withoutCredentials(url: string): string {
  return url.replace(/\/\/.*@/s, "//…@");
}
