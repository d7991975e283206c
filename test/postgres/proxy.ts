import { createServer, connect, type Server as TcpServer, type Socket } from "node:net";

/** Stands between a store and its server, and cuts connections where a test says so. */
export class Proxy {
  readonly url: string;
  readonly #server: TcpServer;
  readonly #sockets = new Set<Socket>();
  #cut: { readonly at: string; readonly when: "before" | "behind" } | undefined;
  #isDeaf = false;

  static async before(url: string): Promise<Proxy> {
    const { hostname, port } = new URL(url);
    const server = createServer({ allowHalfOpen: false });
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", resolve);
    await promise;
    const proxy = new Proxy(url, server);
    server.on("connection", (client) => proxy.#join(client, Number(port), hostname));
    return proxy;
  }

  private constructor(url: string, server: TcpServer) {
    const own = new URL(url);
    own.port = String((server.address() as { port: number }).port);
    this.url = own.href;
    this.#server = server;
  }

  /** Cuts the connection whose next request holds the text: before the server sees it, or once it has answered it. */
  cutAt(at: string, when: "before" | "behind" = "behind"): void {
    this.#cut = { at, when };
  }

  /** From now on closes each new connection at once, as a balancer without servers does. */
  closeAll(isDeaf: boolean): void {
    this.#isDeaf = isDeaf;
    if (isDeaf) for (const socket of this.#sockets) socket.destroy();
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }

  #join(client: Socket, port: number, host: string): void {
    if (this.#isDeaf) return void client.resume().end();
    const server = connect({ port, host });
    let isCut = false;
    const cut = (): void => {
      client.resetAndDestroy();
      server.destroy();
    };
    client.on("data", (data) => {
      const found = this.#cut !== undefined && data.includes(this.#cut.at) ? this.#cut : undefined;
      if (found !== undefined) this.#cut = undefined;
      if (found?.when === "before") return cut();
      isCut ||= found !== undefined;
      server.write(data);
    });
    server.on("data", (data) => {
      if (!isCut) client.write(data);
      // ReadyForQuery: the server has done all that it was asked.
      else if (data.subarray(-6, -1).equals(Buffer.from([90, 0, 0, 0, 5]))) cut();
    });
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.end();
      });
    }
  }
}
