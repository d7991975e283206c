/** Notices sessions whose turns end without anything having been appended: mirroring can be off without an error. */
export class Watchdog {
  readonly #appended = new Map<string, boolean>();
  #silentTurns = 0;
  #mirrorErrors = 0;

  get counters(): WatchdogCounters {
    return { silentTurns: this.#silentTurns, mirrorErrors: this.#mirrorErrors };
  }

  /** An append of this session has arrived. */
  appended(sessionId: string): void {
    if (this.#appended.has(sessionId)) this.#appended.set(sessionId, true);
  }

  /** Takes one message of the SDK's stream; a sentence comes back when something is wrong. */
  observe(message: unknown): string | undefined {
    const { type, subtype, session_id: sessionId, error } = fieldsOf(message);
    if (type === "system" && subtype === "mirror_error") return this.#mirrorError(sessionId, error);
    if (typeof sessionId !== "string") return undefined;
    if (type === "system" && subtype === "init") this.#appended.set(sessionId, false);
    return type === "result" ? this.#result(sessionId) : undefined;
  }

  #mirrorError(sessionId: unknown, error: unknown): string {
    this.#mirrorErrors += 1;
    return `The SDK dropped a batch of session ${String(sessionId)} (${String(error)}): run rescue for it.`;
  }

  #result(sessionId: string): string | undefined {
    const appended = this.#appended.get(sessionId);
    this.#appended.delete(sessionId);
    if (appended !== false) return undefined;
    this.#silentTurns += 1;
    return `A result of session ${sessionId} came and nothing was appended: check CLAUDE_CONFIG_DIR and HOME in options.env.`;
  }
}

/** Turns that ended with nothing appended, and batches that the SDK dropped. */
export interface WatchdogCounters {
  readonly silentTurns: number;
  readonly mirrorErrors: number;
}

interface MessageFields {
  readonly type?: unknown;
  readonly subtype?: unknown;
  readonly session_id?: unknown;
  readonly error?: unknown;
}

function fieldsOf(message: unknown): MessageFields {
  return typeof message === "object" && message !== null ? message : {};
}
