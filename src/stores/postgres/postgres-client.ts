import type postgres from "postgres";
import type { Client, Listening, Query, Rows, Value } from "./client.ts";
import { Connection } from "./connection.ts";
import { Connections } from "./connections.ts";
import { Ear } from "./ear.ts";
import { typedError } from "./errors.ts";
import { ownRows } from "./own-rows.ts";
import { ownValues } from "./own-values.ts";
import type { Place } from "./place.ts";
import { transact } from "./transact.ts";

/** The client over connections of the `postgres` package, with the options of an instance of it. */
export class PostgresClient implements Client {
  readonly query: Query;
  readonly write: Query;
  readonly #options: postgres.Sql["options"];
  readonly #place: Place;
  readonly #connections: Connections;

  constructor({ options, place }: PostgresClientParams) {
    this.#options = options;
    this.#place = place;
    this.#connections = new Connections(options);
    this.query = this.#ownQuery(false);
    this.write = this.#ownQuery(true);
  }

  get life(): number {
    return this.#connections.life.count;
  }

  async writeIn<Row extends object>(
    life: number,
    sql: string,
    ...values: readonly Value[]
  ): Promise<Rows<Row> | undefined> {
    return this.#using(async (connection) =>
      this.life === life ? this.#run<Row>(connection, true, sql, ...values) : undefined,
    );
  }

  async transaction<Result>(work: (query: Query) => Promise<Result>): Promise<Result> {
    return this.#using((connection) =>
      transact(
        { run: (...statement) => this.#run(connection, ...statement), drop: () => void connection.end() },
        work,
      ),
    );
  }

  async script<Row extends object>(sql: string): Promise<Rows<Row>> {
    return this.query<Row>(sql);
  }

  listen(sql: string, heard: () => void, listening: () => void): Listening {
    const connect = async (): Promise<Connection> => {
      const connection = await Connection.open({ ...this.#options, onnotify: heard });
      try {
        await connection.run(this.#place.qualified(sql));
        return connection;
      } catch (error) {
        // A replica refuses to listen, and is asked again and again.
        await connection.end();
        throw error;
      }
    };
    return new Ear({ connect, listening });
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }

  #ownQuery(mayBeWritten: boolean): Query {
    return (sql, ...values) =>
      this.#using((connection) => this.#run(connection, mayBeWritten, sql, ...values));
  }

  async #run<Row extends object>(
    connection: Connection,
    mayBeWritten: boolean,
    sql: string,
    ...values: readonly Value[]
  ): Promise<Rows<Row>> {
    try {
      const rows = await connection.run(this.#place.qualified(sql), ownValues(values));
      return ownRows<Row>(rows, rows.columns ?? [], rows.count);
    } catch (error) {
      throw typedError(error, { place: this.#place, mayBeWritten });
    }
  }

  async #using<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result> {
    try {
      return await this.#connections.use(work);
    } catch (error) {
      throw typedError(error, { place: this.#place, mayBeWritten: false });
    }
  }
}

interface PostgresClientParams {
  /** Of an instance of the package, as it has read them. */
  readonly options: postgres.Sql["options"];
  readonly place: Place;
}
