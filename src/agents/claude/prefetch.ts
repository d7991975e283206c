import type { ClaudeEntry } from "./contract.ts";

/**
 * Loads a session's subagents as soon as its main transcript is asked for: the SDK asks for them one after another,
 * each with its own wait. A load is handed out once, and not after 10 s, so nothing old and nothing shared comes back.
 */
export class Prefetch {
  readonly #loads = new Map<
    string,
    { readonly entries: Promise<ClaudeEntry[] | null>; readonly untilMs: number }
  >();

  /** Starts a load unless one is waiting already. */
  start(id: string, load: () => Promise<ClaudeEntry[] | null>): void {
    const entries = load();
    // Who takes it sees the error; a load that nobody takes must not end the process.
    entries.catch(() => undefined);
    this.#loads.set(id, { entries, untilMs: performance.now() + maxAgeMs });
  }

  /** The load that was started, if it is still good. */
  take(id: string): Promise<ClaudeEntry[] | null> | undefined {
    const load = this.#loads.get(id);
    this.forget(id);
    return load !== undefined && load.untilMs > performance.now() ? load.entries : undefined;
  }

  /** Drops what was loaded, because it has changed. */
  forget(id: string): void {
    this.#loads.delete(id);
  }

  /** Drops all. */
  clear(): void {
    this.#loads.clear();
  }
}

const maxAgeMs = 10_000;
