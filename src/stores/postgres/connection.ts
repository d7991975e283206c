import postgres from "postgres";

/**
 * One connection of the `postgres` package, which is never used again once it is lost. Left to itself the package connects
 * anew under a transaction that goes on, so that the rest of it is committed statement by statement; it writes its ROLLBACK
 * to the socket that is gone, which ends the process; and it answers the next statement with an error of the last one.
 */
export class Connection {
  /** Resolves when it cannot be used any more. */
  readonly lost: Promise<void>;
  readonly bornMs = performance.now();
  readonly #sql: postgres.Sql;
  readonly #pending = new Set<(error: unknown) => void>();
  #isLost = false;
  #server = "";
  readonly #lose: () => void;
  /** Called at once when it is lost, before anyone is told; not where it is ended. */
  readonly #cut: () => void;

  /** Connects, within the time that the options allow. */
  static async open(options: ConnectionOptions, cut: () => void = () => {}): Promise<Connection> {
    const connection = new Connection(options, cut);
    const { connect_timeout: seconds } = options;
    const late = setTimeout(() => connection.#drop(libraryError("CONNECT_TIMEOUT")), seconds * 1000);
    try {
      // Whatever is lost before its answer was never asked to write.
      const [row] = await connection.run(serverSql);
      connection.#server = String(row!["server"]);
      return connection;
    } catch (error) {
      connection.#drop(error);
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  private constructor(options: ConnectionOptions, cut: () => void) {
    this.#cut = cut;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.lost = promise;
    this.#lose = resolve;
    const own = {
      ...options,
      max: 1,
      // They would end it within a transaction that pauses.
      idle_timeout: null,
      max_lifetime: null,
      onclose: () => this.#drop(libraryError("CONNECTION_CLOSED")),
      // Else it is one counter for all that the caller's instance opens.
      shared: { retries: 0, typeArrayMap: {} },
    };
    this.#sql = postgres(own as unknown as postgres.Options<Record<string, never>>);
  }

  /** When the server was started that it leads to. */
  get server(): string {
    return this.#server;
  }

  get isLost(): boolean {
    return this.#isLost;
  }

  /**
   * Runs one statement with values, or several without, and gives the rows of the last one. Statements that are sent
   * together are answered in order.
   */
  async run(text: string, values: readonly unknown[] = []): Promise<Result> {
    if (this.#isLost) throw libraryError("CONNECTION_ENDED");
    const { promise, resolve, reject } = Promise.withResolvers<Result | Result[]>();
    this.#pending.add(reject);
    this.#sql.unsafe(text, values as never[], { prepare: true }).then(resolve, (error: unknown) => {
      if (!isAnswer(error)) this.#drop(error);
      reject(error);
    });
    try {
      const result = await promise;
      // Of several statements with rows the package gives an array of results.
      return isSeveral(result) ? result.at(-1)! : result;
    } finally {
      this.#pending.delete(reject);
    }
  }

  /** Ends it; what still waits for an answer gets none. */
  async end(): Promise<void> {
    this.#leave(libraryError("CONNECTION_DESTROYED"));
    await this.#sql.end({ timeout: 1 });
  }

  #drop(error: unknown): void {
    if (this.#isLost) return;
    this.#cut();
    this.#leave(error);
    void this.#sql.end({ timeout: 0 });
  }

  // The package leaves some of what waits for an answer without any.
  #leave(error: unknown): void {
    this.#isLost = true;
    for (const reject of this.#pending) reject(error);
    this.#lose();
  }
}

/** The options of an instance of the package, as it has read them. */
export type ConnectionOptions = postgres.Sql["options"] & {
  readonly onnotify?: (channel: string, payload: string) => void;
};

/** What tells one server from another that has taken its place. */
export const serverSql = "SELECT pg_postmaster_start_time()::text AS server";

type Result = postgres.RowList<postgres.Row[]>;

function isSeveral(result: Result | readonly Result[]): result is readonly Result[] {
  return Array.isArray(result[0]);
}

// The server goes on after any other error.
function isAnswer(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.severity === "ERROR";
}

function libraryError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
