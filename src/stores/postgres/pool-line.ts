import type { Line } from "./ear.ts";
import type { PooledClient } from "./pool-client.ts";

/** A client of a pool that listens. */
export class PoolLine implements Line {
  readonly lost: Promise<void>;
  readonly #client: PooledClient;
  readonly #heard: () => void;
  readonly #lose: () => void;
  #isOver = false;

  static async open(client: PooledClient, text: string, heard: () => void): Promise<PoolLine> {
    const line = new PoolLine(client, heard);
    try {
      await client.query({ text });
      return line;
    } catch (error) {
      await line.end();
      throw error;
    }
  }

  private constructor(client: PooledClient, heard: () => void) {
    this.#client = client;
    this.#heard = heard;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.lost = promise;
    this.#lose = resolve;
    client.on("notification", heard);
    client.on("error", this.#leave);
    client.on("end", this.#leave);
  }

  async end(): Promise<void> {
    this.#leave();
  }

  // A pool that got back a client that listens would give it to someone else. The listener for errors stays: without one
  // an error that comes later would end the process.
  readonly #leave = (): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#client.removeListener("notification", this.#heard);
    this.#client.removeListener("end", this.#leave);
    this.#client.release(true);
    this.#lose();
  };
}
