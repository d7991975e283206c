import { HoldfastError } from "../../core/errors.ts";

/** What a store's URL says beside what the library reads of it. */
export interface Address {
  readonly schema?: string;
  /** The folder of a server's Unix socket. */
  readonly host?: string;
  /** The library does not resolve its escapes. */
  readonly database?: string;
}

/** A URL without what only this driver reads. @throws store_url_invalid */
export function readUrl(given: string): Address & { readonly url: string } {
  const found = /^postgres(?:ql)?:\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?$/.exec(given);
  if (found === null) throw invalidUrl();
  const [, authority = "", path = "", query] = found;
  const params = new URLSearchParams(query);
  const named = authority.slice(authority.lastIndexOf("@") + 1);
  const socket = params.get("host") ?? (/^%2f/i.test(named) ? decoded(named) : undefined);
  const schema = params.get("schema") ?? undefined;
  for (const name of ["host", "schema", ...ofOthers]) params.delete(name);
  const rest = params.size === 0 ? "" : `?${params.toString()}`;
  // With a user and without a host it would be no URL.
  const host = socket !== undefined && named === "" ? "localhost" : "";
  return {
    url: `postgres://${authority}${host}${path}${rest}`,
    ...(schema === undefined ? {} : { schema }),
    ...(socket === undefined ? {} : { host: socket }),
    ...(path.length > 1 && { database: decoded(path.slice(1)) }),
  };
}

// Of other libraries, in URLs that a platform gives out: the server would take them for settings of its own.
const ofOthers = ["channel_binding", "connection_limit", "gssencmode", "pgbouncer", "pool_timeout"];

/** The URL as it may be shown: without credentials and options. */
export function shownUrl({ host, port, database }: Server, schema: string | undefined): string {
  const places = host.map((name, index) => {
    const shown = name.startsWith("/") ? encodeURIComponent(name) : name;
    return port[index] === undefined || port[index] === 5432 ? shown : `${shown}:${port[index]}`;
  });
  return `postgres://${places.join(",")}/${database}${schema === undefined ? "" : `?schema=${schema}`}`;
}

/** What a library knows of its server. */
interface Server {
  readonly host: readonly string[];
  readonly port: readonly number[];
  readonly database: string;
}

/** Without the text that was given: it may hold a password. */
export function invalidUrl(): HoldfastError {
  return new HoldfastError({
    code: "store_url_invalid",
    message: "The store URL is no PostgreSQL URL.",
    next: "Use postgres://HOST:PORT/DATABASE, with USER:PASSWORD@ before the host, and %-escapes for what is no letter or digit.",
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidUrl();
  }
}
