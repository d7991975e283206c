import type postgres from "postgres";
import {
  type Client,
  endedTransaction,
  type Listening,
  type Query,
  type Rows,
  type Value,
} from "./client.ts";
import { typedError } from "./errors.ts";
import { ownRows } from "./own-rows.ts";
import type { Place } from "./place.ts";

/** The client over an instance of the `postgres` package. */
export class PostgresClient implements Client {
  readonly query: Query;
  readonly write: Query;
  readonly #sql: postgres.Sql;
  readonly #place: Place;
  readonly #isOwn: boolean;

  constructor({ sql, place, isOwn }: PostgresClientParams) {
    this.#sql = sql;
    this.#place = place;
    this.#isOwn = isOwn;
    this.query = this.#queryOn(sql, false);
    this.write = this.#queryOn(sql, true);
  }

  async transaction<Result>(work: (query: Query) => Promise<Result>): Promise<Result> {
    let isOver = false;
    let isDone = false;
    try {
      return (await this.#sql.begin("ISOLATION LEVEL READ COMMITTED", async (tx) => {
        const run = this.#queryOn(tx, false);
        const query: Query = async (sql, ...values) => {
          if (isOver) throw endedTransaction();
          return run(sql, ...values);
        };
        try {
          const result = await work(query);
          isDone = true;
          return result;
        } finally {
          isOver = true;
        }
      })) as Result;
    } catch (error) {
      // Once the work is done, only the answer to COMMIT can be missing.
      throw typedError(error, { place: this.#place, mayBeWritten: isDone });
    }
  }

  async script(sql: string): Promise<void> {
    try {
      await this.#sql.unsafe(this.#place.qualified(sql)).simple();
    } catch (error) {
      throw typedError(error, { place: this.#place, mayBeWritten: false });
    }
  }

  async listen(channel: string, heard: () => void, listening: () => void): Promise<Listening> {
    try {
      const request = await this.#sql.listen(channel, heard, listening);
      return { end: async () => void (await request.unlisten()) };
    } catch (error) {
      throw typedError(error, { place: this.#place, mayBeWritten: false });
    }
  }

  async close(): Promise<void> {
    if (this.#isOwn) await this.#sql.end({ timeout: 5 });
  }

  #queryOn(sql: postgres.ISql, mayBeWritten: boolean): Query {
    return async <Row extends object>(text: string, ...values: readonly Value[]): Promise<Rows<Row>> => {
      try {
        const given = values as (string | number | boolean | null)[];
        const rows = await sql.unsafe(this.#place.qualified(text), given, { prepare: true });
        return ownRows<Row>(rows, rows.columns ?? [], rows.count);
      } catch (error) {
        throw typedError(error, { place: this.#place, mayBeWritten });
      }
    };
  }
}

interface PostgresClientParams {
  readonly sql: postgres.Sql;
  readonly place: Place;
  /** Whether the store opened it and closes it. */
  readonly isOwn: boolean;
}
