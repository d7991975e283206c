/** What a statement is given: `$1` is the first. Arrays go as JSON text. */
export type Value = string | number | boolean | null | Uint8Array;

/** Runs one statement, in which `hf.` stands for the store's schema; 64-bit integers come as numbers. Errors leave it typed. */
export type Query = <Row extends object>(sql: string, ...values: readonly Value[]) => Promise<Rows<Row>>;

/** The rows of a statement; `count` is how many it gave or changed. */
export interface Rows<Row> extends ReadonlyArray<Row> {
  readonly count: number;
}

/** The part of a PostgreSQL library that a store needs. */
export interface Client {
  /** A statement that reads. */
  readonly query: Query;
  /** A statement that writes, a transaction of its own: where its answer is lost, its outcome is unknown. */
  readonly write: Query;
  /**
   * Another number since a connection was lost, or a new one led to a server that was started at another moment: what was
   * learned before may be of commits that the server has lost, such as a replica that has taken over.
   */
  readonly life: number;
  /** A write that rests on what was learned in a life; undefined, with nothing sent, where that is over. */
  writeIn<Row extends object>(
    life: number,
    sql: string,
    ...values: readonly Value[]
  ): Promise<Rows<Row> | undefined>;
  /** Runs the work in one transaction, which is undone where the work throws. */
  transaction<Result>(work: (query: Query) => Promise<Result>): Promise<Result>;
  /**
   * Runs several statements without values in one round trip and one transaction, which the server begins and ends itself;
   * gives the rows of the last one.
   */
  script<Row extends object>(sql: string): Promise<Rows<Row>>;
  /**
   * Listens by this statement from some moment on, and again after each lost connection, until its end; `listening` is called each time, and
   * `heard` for each notification.
   */
  listen(sql: string, heard: () => void, listening: () => void): Listening;
  /** Closes what the store opened; an instance of the caller's stays open. */
  close(): Promise<void>;
}

/** A channel that is listened to. */
export interface Listening {
  end(): Promise<void>;
}

/** The error of a statement that comes after its transaction: alone it would be committed. */
export function endedTransaction(): Error {
  return new Error("The transaction of this statement has ended.");
}
