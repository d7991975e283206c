import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { typedError } from "./errors.ts";

/** One SQLite connection with its prepared statements; every error leaves it typed. */
export class Connection {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #tupleStatements = new Map<string, StatementSync>();

  constructor({ path, busyTimeoutMs, readOnly = false }: ConnectionParams) {
    this.path = path;
    try {
      this.#db = new DatabaseSync(path, { timeout: busyTimeoutMs, readOnly });
    } catch (error) {
      throw typedError(error, path);
    }
  }

  exec(sql: string): void {
    try {
      this.#db.exec(sql);
    } catch (error) {
      throw typedError(error, this.path);
    }
  }

  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    try {
      return this.#statement(sql).get(...values) as Row | undefined;
    } catch (error) {
      throw typedError(error, this.path);
    }
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    try {
      return this.#statement(sql).all(...values) as Row[];
    } catch (error) {
      throw typedError(error, this.path);
    }
  }

  /** Yields rows as they are asked for; nothing else may run on the connection until the last. */
  *each<Row>(sql: string, ...values: SQLInputValue[]): Generator<Row> {
    try {
      yield* this.#statement(sql).iterate(...values) as IterableIterator<Row>;
    } catch (error) {
      throw typedError(error, this.path);
    }
  }

  /** The first row as a tuple, which costs half of what an object does. */
  tuple<Row extends readonly unknown[]>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    try {
      const row = this.#tuples(sql).get(...values) as object | undefined;
      return (row === undefined || Array.isArray(row) ? row : Object.values(row)) as Row | undefined;
    } catch (error) {
      throw typedError(error, this.path);
    }
  }

  /** All rows as tuples in the order of the columns: for rows of many columns a third faster than objects. */
  tuples<Row extends readonly unknown[]>(sql: string, ...values: SQLInputValue[]): Row[] {
    try {
      const rows = this.#tuples(sql).all(...values) as readonly object[];
      // Before Node 22.16 a statement gives objects alone.
      return (Array.isArray(rows[0]) ? rows : rows.map((row) => Object.values(row))) as unknown as Row[];
    } catch (error) {
      throw typedError(error, this.path);
    }
  }

  /** Runs a statement that gives nothing back: without the counts that `run` makes an object of. */
  perform(sql: string, ...values: SQLInputValue[]): void {
    try {
      this.#statement(sql).get(...values);
    } catch (error) {
      throw typedError(error, this.path);
    }
  }

  /** Runs a writing statement and tells how many rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    try {
      return Number(this.#statement(sql).run(...values).changes);
    } catch (error) {
      throw typedError(error, this.path);
    }
  }

  close(): void {
    this.#statements.clear();
    this.#tupleStatements.clear();
    this.#db.close();
  }

  #tuples(sql: string): StatementSync {
    const known = this.#tupleStatements.get(sql);
    if (known !== undefined) return known;
    const made = this.#db.prepare(sql);
    made.setReturnArrays?.(true);
    this.#tupleStatements.set(sql, made);
    return made;
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const made = this.#db.prepare(sql);
    this.#statements.set(sql, made);
    return made;
  }
}

interface ConnectionParams {
  readonly path: string;
  readonly busyTimeoutMs: number;
  readonly readOnly?: boolean;
}
