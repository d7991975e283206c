import { closeSync, openSync, renameSync } from "node:fs";
import { mkdir, readdir, rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf, syncData, syncFolder, writeAll } from "./durable-file.ts";
import { refLocked } from "./ref-errors.ts";
import { breakStaleLock, isHeld } from "./stale-lock.ts";

/** git's own lock of one ref: the file that becomes it. */
export class RefLock implements AsyncDisposable {
  readonly #path: string;
  readonly #lock: string;
  readonly #file: number;
  #done = false;

  private constructor(path: string, file: number) {
    this.#path = path;
    this.#lock = `${path}.lock`;
    this.#file = file;
  }

  /** Takes the lock, and waits a bounded time for another's. A folder where a file stands is thrown as it is. @throws git_ref_locked */
  static async take(options: LockOptions): Promise<RefLock> {
    const { name, path, waitMs, staleAfterMs = Infinity } = options;
    const lock = `${path}.lock`;
    const endMs = performance.now() + waitMs;
    for (let pauseMs = 2; ; pauseMs = Math.min(50, pauseMs * 2)) {
      try {
        return new RefLock(path, openSync(lock, "wx", 0o666));
      } catch (error) {
        const code = codeOf(error);
        if (code === "ENOENT") {
          // Between both calls another one may take an empty folder away, as git does.
          await mkdir(dirname(path), { recursive: true });
          if (performance.now() < endMs) continue;
        }
        if (code !== "EEXIST") throw error;
        if (breakStaleLock(lock, staleAfterMs)) continue;
        if (performance.now() >= endMs) throw refLocked(name, lock, error);
      }
      // Two that wait for each other's turn should not wake together.
      await sleep(pauseMs * (0.5 + Math.random()));
    }
  }

  /** Writes the ref and lets go. */
  async commit(text: string): Promise<void> {
    writeAll(this.#file, Buffer.from(text));
    await syncData(this.#file);
    this.#checkHeld();
    try {
      renameSync(this.#lock, this.#path);
    } catch (error) {
      // Where refs were deleted, empty folders may be left.
      if (codeOf(error) !== "EISDIR" && codeOf(error) !== "ENOTEMPTY" && codeOf(error) !== "EEXIST")
        throw error;
      await removeEmptyFolders(this.#path);
      renameSync(this.#lock, this.#path);
    }
    this.#done = true;
    closeSync(this.#file);
    await syncFolder(dirname(this.#path));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#done) return;
    this.#done = true;
    const isOurs = isHeld(this.#lock, this.#file);
    closeSync(this.#file);
    if (isOurs) await unlink(this.#lock).catch(() => undefined);
  }

  #checkHeld(): void {
    if (!isHeld(this.#lock, this.#file)) throw refLocked(this.#path, this.#lock);
  }
}

interface LockOptions {
  readonly name: string;
  readonly path: string;
  readonly waitMs: number;
  /** A lock that is older was left by a process that died, and is broken; default never. */
  readonly staleAfterMs?: number;
}

/** Takes folders away that hold nothing but such. */
export async function removeEmptyFolders(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true }).catch(() => []))
    if (entry.isDirectory()) await removeEmptyFolders(join(path, entry.name));
  await rmdir(path).catch(() => undefined);
}
