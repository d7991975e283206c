import type { LogKey, SessionKey } from "../../core/ids.ts";
import type { FoldRow } from "./fold.ts";

/**
 * What this process has seen of the sessions that it writes, each at one version of its lane: whoever else writes a
 * session makes another version, so that nothing here can be old unnoticed.
 */
export class KnownSessions {
  readonly #sessions = new Map<string, KnownSession>();

  of(key: SessionKey): KnownSession | undefined {
    return this.#sessions.get(nameOf(key));
  }

  /** Remembers a log at a version, beside what was known one version before: nothing else can have changed since. */
  learn(key: LogKey, { version, log, fold }: Learned): void {
    const name = nameOf(key);
    const before = this.#sessions.get(name);
    this.#sessions.delete(name);
    const nothing: KnownSession = { version, logs: new Map() };
    const known = before?.version === version - 1 ? before : nothing;
    this.#sessions.set(name, {
      version,
      logs: known.logs.set(key.log, log),
      fold: fold ?? known.fold,
    });
    if (this.#sessions.size > maxSessions) this.#sessions.delete(this.#sessions.keys().next().value!);
  }

  forgetAll(): void {
    this.#sessions.clear();
  }

  forget(key: SessionKey): void {
    this.#sessions.delete(nameOf(key));
  }
}

export interface KnownSession {
  readonly version: number;
  readonly logs: Map<string, KnownLog>;
  /** Undefined where it was not read yet. */
  readonly fold?: FoldRow | undefined;
}

/** A log's row. */
export interface KnownLog {
  readonly id: number;
  readonly head: number;
  readonly committed: number;
  readonly cuts: number;
  readonly atMs: number;
}

/** What was learned of a session with a log. */
export interface Learned extends Pick<KnownSession, "version" | "fold"> {
  readonly log: KnownLog;
}

const maxSessions = 10_000;

// No name holds a NUL.
function nameOf({ project, session }: SessionKey): string {
  return `${project}\0${session}`;
}
