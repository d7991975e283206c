import { fstatSync, linkSync, renameSync, statSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf, uniquePart } from "./durable-file.ts";

/** We hold a lock for some milliseconds; a transaction of git's until its `reference-transaction` hook has ended. */
export const staleAfterMs = 120_000;

/** Takes away a lock that nobody has touched for so long: whoever held it is dead. True: it is gone. */
export function breakStaleLock(lock: string, staleAfterMs: number): boolean {
  try {
    const found = statSync(lock);
    if (Date.now() - found.mtimeMs < staleAfterMs) return false;
    // A name that git reads as no ref. Another may have broken it too, and taken it anew: then it is given back.
    const aside = join(dirname(lock), `.${uniquePart()}.lock`);
    renameSync(lock, aside);
    const isSame = statSync(aside).ino === found.ino;
    if (!isSame) linkSync(aside, lock);
    unlinkSync(aside);
    return isSame;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return true;
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Whether a lock is still the open file: of a process that stood still for long another may have broken it, and hold its own. */
export function isHeld(lock: string, file: number): boolean {
  return statSync(lock, { throwIfNoEntry: false })?.ino === fstatSync(file).ino;
}
