import type { Client, Listening, Query, Rows, Value } from "./client.ts";
import { serverSql } from "./connection.ts";
import { Ear } from "./ear.ts";
import { typedError } from "./errors.ts";
import { sha256 } from "./hash.ts";
import { ownRows } from "./own-rows.ts";
import { ownValues } from "./own-values.ts";
import type { Place } from "./place.ts";
import { PoolLine } from "./pool-line.ts";
import { ServerLife } from "./server-life.ts";
import { transact, type TransactParams } from "./transact.ts";

/** The part of a pool of the `pg` package that a store needs. */
export interface Pool {
  readonly options?: PoolServer;
  connect(): Promise<PooledClient>;
}

interface PoolServer {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly database?: string | undefined;
  readonly connectionString?: string | undefined;
}

/** The part of a client of such a pool. */
export interface PooledClient {
  query(statement: Statement): Promise<Result | Result[]>;
  release(error?: boolean): void;
  on(event: "error" | "notification" | "end", listener: () => void): unknown;
  removeListener(event: "error" | "notification" | "end", listener: () => void): unknown;
}

interface Statement {
  readonly text: string;
  readonly name?: string;
  readonly values?: unknown[];
}

interface Result {
  readonly rows: object[];
  readonly rowCount: number | null;
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

/** What a pool tells of its server. */
export function serverOf({ options = {} }: Pool) {
  const { connectionString, host = "localhost", port = 5432, database = "" } = options;
  const url = connectionString === undefined ? null : URL.parse(connectionString);
  if (url === null) return { host: [host], port: [Number(port)], database };
  return { host: [url.hostname], port: [Number(url.port || 5432)], database: url.pathname.slice(1) };
}

/** The client over a pool of the `pg` package. */
export class PoolClient implements Client {
  readonly query: Query;
  readonly write: Query;
  readonly #pool: Pool;
  readonly #place: Place;
  // Until the server's last word has ended a connection, the pool would give it to the next one.
  readonly #ending = new WeakSet<PooledClient>();
  readonly #met: WeakSet<PooledClient>;
  readonly #life: ServerLife;

  constructor({ pool, place }: { readonly pool: Pool; readonly place: Place }) {
    this.#pool = pool;
    this.#place = place;
    const seen = seenOf(pool);
    this.#met = seen.met;
    this.#life = seen.life;
    this.query = this.#ownQuery(false);
    this.write = this.#ownQuery(true);
  }

  get life(): number {
    return this.#life.count;
  }

  async writeIn<Row extends object>(
    life: number,
    sql: string,
    ...values: readonly Value[]
  ): Promise<Rows<Row> | undefined> {
    return this.#using(async (client) =>
      this.life === life ? this.#run<Row>(client, true, sql, ...values) : undefined,
    );
  }

  async transaction<Result>(work: (query: Query) => Promise<Result>): Promise<Result> {
    return this.#using((client, drop) => {
      // A client takes one statement at a time.
      let last: Promise<unknown> = Promise.resolve();
      const run = (...statement: Parameters<TransactParams["run"]>): Promise<Rows<object>> => {
        const next = last.then(() => this.#run(client, ...statement));
        last = next.catch(() => {});
        return next;
      };
      return transact({ run, drop }, work);
    });
  }

  async script<Row extends object>(sql: string): Promise<Rows<Row>> {
    return this.query<Row>(sql);
  }

  listen(sql: string, heard: () => void, listening: () => void): Listening {
    const text = this.#place.qualified(sql);
    const connect = async (): Promise<PoolLine> => PoolLine.open(await this.#connect(), text, heard);
    return new Ear({ connect, listening });
  }

  async close(): Promise<void> {}

  #ownQuery(mayBeWritten: boolean): Query {
    return (sql, ...values) => this.#using((client) => this.#run(client, mayBeWritten, sql, ...values));
  }

  async #run<Row extends object>(
    client: PooledClient,
    mayBeWritten: boolean,
    sql: string,
    ...values: readonly Value[]
  ): Promise<Rows<Row>> {
    const text = this.#place.qualified(sql);
    try {
      // Without values the server takes several statements at once.
      const given = values.length === 0 ? { text } : { text, name: nameOf(text), values: ownValues(values) };
      const results = await client.query(given);
      const { rows, rowCount, fields } = Array.isArray(results) ? results.at(-1)! : results;
      const columns = fields.map(({ name, dataTypeID }) => ({ name, type: dataTypeID }));
      return ownRows<Row>(rows, columns, rowCount ?? 0);
    } catch (error) {
      if (!isAnswer(error)) {
        this.#ending.add(client);
        this.#life.end();
      }
      throw typedError(coded(error), { place: this.#place, mayBeWritten });
    }
  }

  async #using<Result>(work: (client: PooledClient, drop: () => void) => Promise<Result>): Promise<Result> {
    const client = await this.#connect();
    let isBroken = false;
    // Without a listener a lost connection would end the process.
    const broken = (): void => void (isBroken = true);
    client.on("error", broken);
    try {
      await this.#meet(client);
      return await work(client, broken);
    } finally {
      client.removeListener("error", broken);
      client.release(isBroken || this.#ending.has(client));
    }
  }

  async #meet(client: PooledClient): Promise<void> {
    if (this.#met.has(client)) return;
    const [row] = await this.#run<{ server: string }>(client, false, serverSql);
    // Also while the pool keeps it: only an end that nobody asked for is an error.
    client.on("error", this.#life.end);
    this.#met.add(client);
    this.#life.met(row!.server);
  }

  async #connect(): Promise<PooledClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw typedError(coded(error), { place: this.#place, mayBeWritten: false });
    }
  }
}

// The server goes on after any other error.
function isAnswer(error: unknown): boolean {
  return error instanceof Error && "severity" in error && error.severity === "ERROR";
}

// For all stores on a pool, so that each of its clients has one listener.
function seenOf(pool: Pool): Seen {
  let seen = seenPools.get(pool);
  if (seen === undefined) seenPools.set(pool, (seen = { met: new WeakSet(), life: new ServerLife() }));
  return seen;
}

interface Seen {
  readonly met: WeakSet<PooledClient>;
  readonly life: ServerLife;
}

const seenPools = new WeakMap<Pool, Seen>();

// Of one text in all stores that share a client: a client refuses one name for two texts.
function nameOf(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = `hf_${sha256(text).slice(0, 32)}`;
  if (names.size < maxNames) names.set(text, name);
  return name;
}

const names = new Map<string, string>();
const maxNames = 10_000;

// The library gives its own errors no code.
function coded(error: unknown): unknown {
  if (!(error instanceof Error) || "code" in error) return error;
  const [, code] = codes.find(([beginning]) => error.message.startsWith(beginning)) ?? [];
  return code === undefined ? error : Object.assign(error, { code });
}

const codes = [
  ["Connection terminated due to connection timeout", "CONNECT_TIMEOUT"],
  ["timeout exceeded when trying to connect", "CONNECT_TIMEOUT"],
  ["Connection terminated", "CONNECTION_CLOSED"],
  ["Query read timeout", "CONNECTION_CLOSED"],
  ["Client has encountered a connection error", "CONNECTION_ENDED"],
  ["Client was closed", "CONNECTION_ENDED"],
  ["Cannot use a pool after calling end", "CONNECTION_ENDED"],
] as const;
