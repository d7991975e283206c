import { rmSync } from "node:fs";
import { join } from "node:path";
import { flowPaths } from "./flow-paths.ts";
import { readOwnFile, replaceOwnFile } from "./own-files.ts";

/** What is known of an event that was begun and is not done. */
export interface Attempted {
  /** Deaths of a worker over it, and failures that time does not mend. */
  readonly counted: number;
  /** All failures. */
  readonly failures: number;
  /** Why the last attempt did not succeed. */
  readonly reason: string;
  /** Until then it is left alone; 0 where it is not. */
  readonly againAtMs: number;
}

/** How often events were begun that are not done: also what kills the worker itself is not tried for ever. */
export class Attempts {
  readonly #folder: string;

  constructor({ commonDir }: { readonly commonDir: string }) {
    this.#folder = flowPaths(commonDir).attempts;
  }

  read(name: string): Attempted {
    const bytes = readOwnFile(this.#pathOf(name), { maxBytes: 4_096 });
    const [counted, reason = "", failures, againAtMs] = Buffer.isBuffer(bytes)
      ? bytes.toString("utf8").split("\n")
      : [];
    return {
      counted: wholeOf(counted),
      failures: wholeOf(failures),
      reason: reason === "" ? diedReason : reason,
      againAtMs: wholeOf(againAtMs),
    };
  }

  /** Counts a death in advance; gives what was known before. */
  begin(name: string): Attempted {
    const before = this.read(name);
    this.note(name, { ...before, counted: before.counted + 1, reason: diedReason, againAtMs: 0 });
    return before;
  }

  note(name: string, { counted, failures, reason, againAtMs }: Attempted): void {
    const line = reason.replaceAll(/\s+/g, " ").slice(0, 1_000);
    replaceOwnFile(this.#pathOf(name), `${counted}\n${line}\n${failures}\n${againAtMs}\n`);
  }

  forget(name: string): void {
    rmSync(this.#pathOf(name), { force: true });
  }

  /** Those of these events that failed and are tried again, with why. */
  waiting(names: readonly string[]): readonly { readonly name: string; readonly reason: string }[] {
    return names.flatMap((name) => {
      const { reason, againAtMs } = this.read(name);
      return againAtMs > 0 ? { name, reason } : [];
    });
  }

  #pathOf(name: string): string {
    return join(this.#folder, name);
  }
}

const diedReason = "The worker died over it.";

function wholeOf(text = ""): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
