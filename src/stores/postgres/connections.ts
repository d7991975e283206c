import { Connection, type ConnectionOptions } from "./connection.ts";
import { ServerLife } from "./server-life.ts";

/** Some connections of the same options, opened where they are needed; one that was lost makes room for a new one. */
export class Connections {
  readonly life = new ServerLife();
  readonly #options: ConnectionOptions;
  readonly #open = new Set<Connection>();
  readonly #idle: Connection[] = [];
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  #free: number;
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#free = options.max;
  }

  /** Gives the work a connection of its own until it ends. */
  async use<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result> {
    await this.#turn();
    try {
      const connection = this.#takeIdle() ?? (await this.#connect());
      try {
        return await work(connection);
      } finally {
        this.#giveBack(connection);
      }
    } finally {
      this.#endTurn();
    }
  }

  /** Lets what is under way end, for some seconds. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(ended());
    const ends = this.#idle.splice(0).map((connection) => connection.end());
    const all = [...this.#open];
    const late = setTimeout(() => all.forEach((connection) => void connection.end()), closeMs);
    await Promise.all([...ends, ...all.map(({ lost }) => lost)]);
    clearTimeout(late);
  }

  async #turn(): Promise<void> {
    if (this.#isClosed) throw ended();
    if (this.#free > 0) this.#free -= 1;
    else {
      const waiting = Promise.withResolvers<void>();
      this.#waiting.push(waiting);
      await waiting.promise;
    }
  }

  #endTurn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next.resolve();
  }

  // The last used is the one whose statements are prepared, and the others may grow old.
  #takeIdle(): Connection | undefined {
    for (let found = this.#idle.pop(); found !== undefined; found = this.#idle.pop())
      if (!found.isLost) return found;
    return undefined;
  }

  async #connect(): Promise<Connection> {
    const connection = await Connection.open(this.#options, this.life.end);
    this.life.met(connection.server);
    this.#open.add(connection);
    void connection.lost.then(() => this.#open.delete(connection));
    if (!this.#isClosed) return connection;
    await connection.end();
    throw ended();
  }

  #giveBack(connection: Connection): void {
    const isOld = performance.now() - connection.bornMs > lifeMs;
    if (this.#isClosed || isOld) void connection.end();
    else if (!connection.isLost) this.#idle.push(connection);
  }
}

// A server's process grows with what it has seen.
const lifeMs = 45 * 60_000;
const closeMs = 5000;

function ended(): Error {
  return Object.assign(new Error("The connections were closed."), { code: "CONNECTION_ENDED" });
}
