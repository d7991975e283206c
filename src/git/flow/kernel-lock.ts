import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { makeOwnFolder } from "./own-files.ts";
import { dirname } from "node:path";

/**
 * Takes an exclusive lock that lies in a file; null where another process holds it for longer than `waitMs`.
 * The kernel keeps it, so that it is free in the moment in which its holder dies, however that came about.
 */
export function kernelLock(path: string, { waitMs }: { readonly waitMs: number }): Disposable | null {
  makeOwnFolder(dirname(path));
  // An empty database into which nothing is ever written needs no journal, of which a killed process would leave one.
  const database = new DatabaseSync(path, { timeout: waitMs });
  chmodSync(path, 0o600);
  try {
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (isBusy(error)) return null;
    throw error;
  }
  return {
    [Symbol.dispose]: () => {
      if (database.isOpen) database.close();
    },
  };
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === sqliteBusy;
}

const sqliteBusy = 5;
