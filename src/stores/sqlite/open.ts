import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { HoldfastError } from "../../core/errors.ts";
import { Connection } from "./connection.ts";
import { isBusy } from "./errors.ts";
import { migrate, readMigrations } from "./migrate.ts";
import { checkFile, latestSchema } from "./schema.ts";

/** Opens the file, making it where allowed, and brings it to the newest schema. Gives back the reading connection. */
export function openFile({ path: given, create, lockWaitMs, now }: OpenFileParams): Connection {
  const path = resolve(given);
  if (!existsSync(path)) prepareFile(path, create);
  const connection = new Connection({ path, busyTimeoutMs: lockWaitMs });
  try {
    const schema = checkFile(connection, latestSchema);
    if (schema === 0 && !create) throw noStore(path);
    if (schema < latestSchema) upgrade(connection, lockWaitMs, now);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Opens the writing connection: it never waits inside SQLite, because that would stop the whole process. */
export function openWriter(path: string, synchronous: Synchronous): Connection {
  const connection = new Connection({ path, busyTimeoutMs: 0 });
  connection.exec(`PRAGMA synchronous = ${synchronous}; PRAGMA cache_size = -${cacheKib}`);
  return connection;
}

// With the default of 2 MB an append to a store of a million entries reads its inner pages anew each time.
const cacheKib = 16_384;

/** `FULL`: durable when acknowledged. `NORMAL`: a power cut may take the last commits, never the file. */
export type Synchronous = "FULL" | "NORMAL";

interface OpenFileParams {
  readonly path: string;
  readonly create: boolean;
  readonly lockWaitMs: number;
  readonly now: number;
}

function prepareFile(path: string, create: boolean): void {
  if (!create) throw noStore(path);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    // Another process made it first: both then open the same file.
    if (error instanceof Error && "code" in error && error.code === "EEXIST" && existsSync(path)) return;
    throw unreachable(
      path,
      "The store's file cannot be made at",
      "Check the path and the permissions of its folder.",
      error,
    );
  }
}

function upgrade(connection: Connection, lockWaitMs: number, now: number): void {
  retryWhileBusy(lockWaitMs, () => connection.exec("PRAGMA journal_mode = WAL"));
  retryWhileBusy(lockWaitMs, () => migrate(connection, readMigrations(), now));
}

// SQLite does not wait for the lock when it switches the journal mode, so two first openers must take turns by hand.
function retryWhileBusy(lockWaitMs: number, action: () => void): void {
  const untilMs = performance.now() + lockWaitMs;
  for (;;) {
    try {
      return action();
    } catch (error) {
      if (!isBusy(error) || performance.now() > untilMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function noStore(path: string): HoldfastError {
  return unreachable(
    path,
    "There is no store at",
    "Make one with `holdfast import`, or name another with --store.",
  );
}

function unreachable(path: string, message: string, next: string, cause?: unknown): HoldfastError {
  return new HoldfastError({
    code: "store_unreachable",
    message: `${message} ${path}.`,
    next,
    data: { path },
    cause,
  });
}
