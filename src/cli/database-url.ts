import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import { openStore } from "../open-store.ts";

/** The URL in DATABASE_URL, if it is one of PostgreSQL. */
export function databaseUrl(): string | undefined {
  const url = process.env["DATABASE_URL"];
  return url !== undefined && /^postgres(?:ql)?:/.test(url) ? url : undefined;
}

/**
 * The same, if there is a store already: it often is the database of the application whose folder one happens to be in,
 * and a command must not put its tables there unasked. @throws what its opening does, where that cannot be told
 */
export async function storeInDatabaseUrl(): Promise<string | undefined> {
  const url = databaseUrl();
  if (url === undefined) return undefined;
  try {
    await (await openStore(url, { create: false })).close();
    return url;
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    if (error.code === "store_foreign" || error.data["cause"] === "no_store") return undefined;
    throw explained(error);
  }
}

function explained(error: HoldfastError): HoldfastError {
  const { code, message, data, retryable } = error;
  return new HoldfastError({
    code,
    message: `No store could be looked for in DATABASE_URL. ${message}`,
    next: "Or name another store by --store, HOLDFAST_STORE or the config file.",
    data,
    retryable,
    cause: error,
  });
}
