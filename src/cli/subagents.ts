import type { SessionKey } from "../core/ids.ts";
import type { Store } from "../core/store.ts";
import type { FoldedBlock } from "./folded.ts";
import { startingCallOf } from "./transcript-entry.ts";

/** The subagents' logs of a session, each to be shown once, below the call that started it. */
export class Subagents {
  readonly #waiting: Set<string>;
  readonly #byCall: ReadonlyMap<string, string>;

  constructor(logs: Iterable<string>, byCall: ReadonlyMap<string, string>) {
    this.#waiting = new Set(logs);
    this.#byCall = byCall;
  }

  /** Takes the log that a call started, if it has one that was not taken yet. */
  take({ block, result }: FoldedBlock): string | undefined {
    if (block.kind !== "call") return undefined;
    const log = this.#byCall.get(block.id) ?? this.#named(result?.agent);
    return log !== undefined && this.#waiting.delete(log) ? log : undefined;
  }

  /** Leaves out a log that is shown already. */
  leaveOut(log: string): void {
    this.#waiting.delete(log);
  }

  /** Takes what no call has claimed. */
  rest(): string[] {
    const rest = [...this.#waiting];
    this.#waiting.clear();
    return rest;
  }

  #named(agent: string | undefined): string | undefined {
    if (agent === undefined) return undefined;
    return [...this.#waiting].find((log) => log.endsWith(`/agent-${agent}`));
  }
}

/** Finds a session's subagents and the calls that their metadata names. */
export async function findSubagents(store: Store, key: SessionKey): Promise<Subagents> {
  const logs = (await store.logs(key)).map(({ log }) => log).filter((log) => log.startsWith("subagents/"));
  const byCall = new Map<string, string>();
  for (const log of logs) {
    const call = await startingCall(store, { ...key, log });
    if (call !== undefined) byCall.set(call, log);
  }
  return new Subagents(logs, byCall);
}

// The metadata comes with the first batch or, from an import, with the last one; a long log is not read through for it.
async function startingCall(store: Store, log: SessionKey & { readonly log: string }) {
  for (const order of ["asc", "desc"] as const) {
    const { entries } = await store.read({ log, order, limit: 30 });
    const call = entries.map(({ body }) => startingCallOf(body)).find((id) => id !== undefined);
    if (call !== undefined) return call;
  }
  return undefined;
}
