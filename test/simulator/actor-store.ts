import type { ScanParams, Store } from "../../src/core/store.ts";

/** The verbs of the store, as points of a schedule. */
export type Verb = Exclude<keyof Store, "url">;

/** What stands between a process and the store: it decides when a call is made, and what its caller hears of it. */
export interface Line {
  call(verb: Verb, params: unknown): Promise<unknown>;
  /** The feed's position once it has passed `seen`; undefined: the signal aborted. */
  waitForChange(seen: number, signal: AbortSignal): Promise<number | undefined>;
}

/** The store port as one simulated process sees it. */
export function actorStore(line: Line): Store {
  return new ActorStore(line) as unknown as Store;
}

class ActorStore {
  readonly url = "simulated:";
  readonly line: Line;

  constructor(line: Line) {
    this.line = line;
  }

  async *scan(params: ScanParams): AsyncIterable<readonly string[]> {
    yield* (await this.line.call("scan", params)) as readonly (readonly string[])[];
  }

  async *watch({ after }: { readonly after: number }, signal: AbortSignal) {
    let seen = after;
    for (;;) {
      const position = await this.line.waitForChange(seen, signal);
      if (position === undefined) return;
      seen = position;
      yield { position };
    }
  }
}

const verbs: readonly Verb[] = [
  ...(["append", "read", "logs", "session", "sessions", "describe", "drop", "tombstone"] as const),
  ...(["tombstones", "acquireLease", "renewLease", "releaseLease", "clearLease", "lease"] as const),
  ...(["admit", "claim", "cancel", "inputs", "run", "runs", "tail", "commit", "endRun", "audit"] as const),
  ...(["recordUsage", "usage", "projections", "advance", "setProjection", "projected"] as const),
  ...(["putBlob", "getBlob", "changes", "migrate", "health", "close"] as const),
];

// On the prototype: a schedule has many processes, and lasts a millisecond.
for (const verb of verbs) {
  Object.defineProperty(ActorStore.prototype, verb, {
    value(this: ActorStore, params: unknown): Promise<unknown> {
      return this.line.call(verb, params);
    },
  });
}
