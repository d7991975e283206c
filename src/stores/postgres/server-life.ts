/** Counts the lives of a server as its connections show them. */
export class ServerLife {
  #count = 0;
  #server: string | undefined;

  get count(): number {
    return this.#count;
  }

  /** A connection was lost: the server may have crashed, or another has taken its place. */
  readonly end = (): void => void (this.#count += 1);

  /** A new connection leads to the server that was started at this moment. */
  met(server: string): void {
    if (this.#server !== undefined && this.#server !== server) this.end();
    this.#server = server;
  }
}
