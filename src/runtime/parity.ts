import type { SessionKey } from "../core/ids.ts";
import {
  compareSession,
  type Difference,
  type LogParity,
  type OpenWork,
  type SessionParity,
  type Stores,
} from "./compare-session.ts";
import { sessionKeys } from "./session-keys.ts";

/** Which stores to compare; neither is changed. */
export interface ParityParams extends Stores {
  readonly project?: string;
  /** Is told each log that is looked at, in the order of the names. */
  readonly onLog?: (log: LogParity) => void | Promise<void>;
  /** Gives up between two sessions. */
  readonly signal?: AbortSignal;
}

/** What a comparison found; sums are the source's. */
export interface ParityReport {
  readonly sessions: number;
  readonly logs: number;
  readonly entries: number;
  readonly bytes: number;
  /** How many differences there are; the first 1,000 stand in the list. */
  readonly differing: number;
  readonly differences: readonly Difference[];
  /** What is at work in the source: no copy takes it. */
  readonly open: OpenWork;
}

const maxDifferences = 1000;

/**
 * Compares two stores session by session: counts, bytes and digests of every log, and what a session has beside its
 * entries. What the target knows more of a session's usage and audit is no difference. @throws aborted by the signal
 */
export async function compareStores({
  from,
  to,
  project,
  onLog,
  signal,
}: ParityParams): Promise<ParityReport> {
  const sum = new ParitySum();
  for await (const key of allKeys({ from, to }, project)) {
    signal?.throwIfAborted();
    const parity = await compareSession({ from, to }, key);
    for (const log of parity.logs) await onLog?.(log);
    sum.add(parity);
  }
  return sum.report;
}

/** Adds sessions up to a report. */
export class ParitySum {
  #sessions = 0;
  #logs = 0;
  #entries = 0;
  #bytes = 0;
  #differing = 0;
  readonly #differences: Difference[] = [];
  #open: OpenWork = { queuedInputs: 0, runningInputs: 0, leases: 0 };

  add({ logs, differences, open }: SessionParity): void {
    const here = logs.flatMap(({ from }) => (from === null ? [] : [from]));
    this.#sessions += here.length > 0 ? 1 : 0;
    this.#logs += here.length;
    for (const { entries, bytes } of here) {
      this.#entries += entries;
      this.#bytes += bytes;
    }
    this.#differing += differences.length;
    this.#differences.push(...differences.slice(0, maxDifferences - this.#differences.length));
    const { queuedInputs, runningInputs, leases } = this.#open;
    this.#open = {
      queuedInputs: queuedInputs + open.queuedInputs,
      runningInputs: runningInputs + open.runningInputs,
      leases: leases + open.leases,
    };
  }

  get report(): ParityReport {
    return {
      sessions: this.#sessions,
      logs: this.#logs,
      entries: this.#entries,
      bytes: this.#bytes,
      differing: this.#differing,
      differences: [...this.#differences],
      open: this.#open,
    };
  }
}

/** The names of both stores, each once; both give them in the same order. */
async function* allKeys({ from, to }: Stores, project: string | undefined): AsyncGenerator<SessionKey> {
  const [ours, theirs] = [sessionKeys(from, project), sessionKeys(to, project)];
  let [here, there] = [await ours.next(), await theirs.next()];
  while (here.done !== true || there.done !== true) {
    const order = here.done === true ? 1 : there.done === true ? -1 : byName(here.value, there.value);
    yield order <= 0 ? (here.value as SessionKey) : (there.value as SessionKey);
    if (order <= 0) here = await ours.next();
    if (order >= 0) there = await theirs.next();
  }
}

function byName(a: SessionKey, b: SessionKey): number {
  return byBytes(a.project, b.project) || byBytes(a.session, b.session);
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
