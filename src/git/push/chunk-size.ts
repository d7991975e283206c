import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeOwnFile } from "./own-folder.ts";

/** How many refs go in one push: as many as the remote has shown to take in time (specification §13). */
export class ChunkSize {
  readonly #commonDir: string;
  #size: number;

  private constructor(commonDir: string, size: number) {
    this.#commonDir = commonDir;
    this.#size = size;
  }

  static async read(commonDir: string): Promise<ChunkSize> {
    const text = await readFile(join(commonDir, "holdfast", fileName), "utf8").catch(() => "");
    const stored = /^\d{1,6}\n$/.test(text) ? Number(text) : first;
    return new ChunkSize(commonDir, Math.min(most, Math.max(1, stored)));
  }

  get size(): number {
    return this.#size;
  }

  /** After so many refs took longer than one push may; one alone cannot be made smaller. */
  async timedOut(count: number): Promise<void> {
    if (count > 1) await this.#keep(Math.max(1, Math.floor(Math.min(count, this.#size) / 4)));
  }

  /** After a push of so many refs that were all taken. */
  async succeeded(count: number): Promise<void> {
    if (count >= this.#size) await this.#keep(Math.min(most, this.#size * 2));
  }

  async #keep(size: number): Promise<void> {
    if (size === this.#size) return;
    this.#size = size;
    await writeOwnFile(this.#commonDir, fileName, `${size}\n`);
  }
}

const fileName = "push-chunk-size";
const first = 200;
const most = 3200;
