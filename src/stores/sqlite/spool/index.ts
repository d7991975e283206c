import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Clock, systemClock } from "../../../core/clock.ts";
import { HoldfastError } from "../../../core/errors.ts";
import type { Spool } from "../../../core/spool.ts";
import { Connection } from "../connection.ts";
import { openWriter, type Synchronous } from "../open.ts";
import { lockSpool } from "./lock.ts";
import { prepareSpool } from "./schema.ts";
import { SqliteSpool } from "./spool.ts";

export interface SqliteSpoolOptions {
  readonly dir: string;
  /** To look into it, and to steer it, without being the one that ships it: it must be there. */
  readonly shared?: boolean;
  readonly clock?: Clock;
  readonly synchronous?: Synchronous;
}

/** Opens the spool in a folder: 0600 files in a folder of 0700 where it is made. @throws store_busy, store_unreachable, store_foreign, store_too_new */
export function openSqliteSpool({
  dir,
  shared = false,
  clock = systemClock,
  synchronous = "FULL",
}: SqliteSpoolOptions): Spool {
  const folder = resolve(dir);
  const [path, lockPath] = [join(folder, "spool.db"), join(folder, "lock.db")];
  if (shared && !existsSync(path)) throw unreachable(folder, "There is no spool in", undefined);
  if (!shared) for (const file of [lockPath, path]) makeFile(folder, file);
  const lock = shared ? undefined : lockSpool(lockPath);
  const opened: Connection[] = [];
  try {
    const first = new Connection({ path, busyTimeoutMs: 10_000 });
    opened.push(first);
    prepareSpool(first);
    first.close();
    opened.pop();
    for (const mode of [synchronous, "NORMAL"] as const) opened.push(openWriter(path, mode));
    return new SqliteSpool({ path, writer: opened[0]!, eraser: opened[1]!, clock, lock });
  } catch (error) {
    for (const connection of opened) connection.close();
    lock?.[Symbol.dispose]();
    throw error;
  }
}

function makeFile(folder: string, path: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
  } catch (error) {
    throw unreachable(path, "The spool cannot be made at", error);
  }
}

function unreachable(path: string, message: string, cause: unknown): HoldfastError {
  return new HoldfastError({
    code: "store_unreachable",
    message: `${message} ${path}.`,
    next: "Check the path and the permissions of its folder.",
    data: { path },
    cause,
  });
}
