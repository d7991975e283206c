import type { Listening } from "./client.ts";
import type { PooledClient } from "./pool-client.ts";

/** Listens on a client of its own, and on another where its connection is lost. */
export class PoolEar implements Listening {
  readonly #params: PoolEarParams;
  #client: PooledClient | undefined;
  #retry: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(params: PoolEarParams) {
    this.#params = params;
  }

  async listen(): Promise<void> {
    const { connect, channel, heard, listening } = this.#params;
    const client = await connect();
    this.#client = client;
    client.on("notification", heard);
    client.on("error", this.#lost);
    client.on("end", this.#lost);
    try {
      await client.query({ text: `LISTEN "${channel}"` });
    } catch (error) {
      this.#leave();
      throw error;
    }
    if (this.#isOver) this.#leave();
    else listening();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#retry);
    this.#leave();
  }

  // A pool that got back a client that listens would give it to someone else.
  #leave(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.removeListener("notification", this.#params.heard);
    client?.removeListener("end", this.#lost);
    client?.release(true);
  }

  readonly #lost = (): void => {
    if (this.#client === undefined) return;
    this.#leave();
    this.#again();
  };

  #again(): void {
    if (this.#isOver) return;
    this.#retry = setTimeout(() => void this.listen().catch(() => this.#again()), retryMs);
    this.#retry.unref();
  }
}

interface PoolEarParams {
  readonly connect: () => Promise<PooledClient>;
  readonly channel: string;
  readonly heard: () => void;
  readonly listening: () => void;
}

const retryMs = 250;
