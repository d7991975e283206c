import { rmSync } from "node:fs";
import { join } from "node:path";
import { flowPaths } from "./flow-paths.ts";
import { readOwnFile, replaceOwnFile } from "./own-files.ts";

/** How often events were begun that are not done: also what kills the worker itself is not tried for ever. */
export class Attempts {
  readonly #folder: string;

  constructor({ commonDir }: { readonly commonDir: string }) {
    this.#folder = flowPaths(commonDir).attempts;
  }

  /** Counts one more; gives how many there were before, and why the last one failed. */
  begin(name: string): { readonly before: number; readonly reason: string } {
    const bytes = readOwnFile(this.#pathOf(name), { maxBytes: 4_096 });
    const [count = "", reason = ""] = Buffer.isBuffer(bytes) ? bytes.toString("utf8").split("\n") : [];
    const before = /^\d{1,6}$/.test(count) ? Number(count) : 0;
    this.#write(name, before + 1, diedReason);
    return { before, reason: reason === "" ? diedReason : reason };
  }

  failed(name: string, count: number, reason: string): void {
    this.#write(name, count, reason);
  }

  forget(name: string): void {
    rmSync(this.#pathOf(name), { force: true });
  }

  #write(name: string, count: number, reason: string): void {
    replaceOwnFile(this.#pathOf(name), `${count}\n${reason.replaceAll(/\s+/g, " ").slice(0, 1_000)}\n`);
  }

  #pathOf(name: string): string {
    return join(this.#folder, name);
  }
}

const diedReason = "The worker died over it.";
