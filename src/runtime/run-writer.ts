import { createHash, type Hash } from "node:crypto";
import type { EntryInput } from "../core/entry.ts";
import type { LogKey } from "../core/ids.ts";
import type { Claim, TailPart } from "../core/run.ts";
import type { Store } from "../core/store.ts";

/**
 * Stages what a run makes, in order, while it goes on, and knows exactly what it has staged. Every entry has a uuid
 * in its log, so an append whose answer was lost is made again without a duplicate.
 */
export class RunWriter {
  readonly #store: Store;
  readonly #claim: Claim;
  readonly #logs = new Map<string, StagedLog>();
  readonly #counts = new Map<string, number>();
  /** What the agent named itself: it may name it again. */
  readonly #named = new Set<string>();
  #count = 0;
  #waiting: readonly [string, EntryInput][] = [];
  #writing: Promise<void> | undefined;
  #fault: { readonly error: unknown } | undefined;
  /** An entry was there before: what this run has staged is then only known to the store. */
  #repeated = false;

  constructor({ store, claim }: { readonly store: Store; readonly claim: Claim }) {
    this.#store = store;
    this.#claim = claim;
  }

  /**
   * How many entries each log holds of the run, once all that was taken is there. Where the agent may have named an entry
   * that an earlier run has stored, that is known only when it is written.
   */
  async counts({ isNew }: { readonly isNew: boolean }): Promise<Readonly<Record<string, number>>> {
    if (!isNew && this.#named.size > 0) await this.flush();
    return Object.fromEntries(this.#counts);
  }

  /** Takes an entry; resolves at once unless too much waits. @throws what an earlier append threw */
  async add(log: string, entry: EntryInput): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault.error;
    const named = entry.uuid === undefined ? undefined : `${log}\0${entry.uuid}`;
    if (named !== undefined && this.#named.has(named)) return;
    if (named !== undefined) this.#named.add(named);
    this.#count += 1;
    await this.#put(log, { ...entry, uuid: entry.uuid ?? `${this.#claim.run.id}/${this.#count}` });
  }

  /** Takes an entry for a log of the run's own, where no other run and no agent can have named it. @throws as `add` */
  async addOwn(log: string, entry: EntryInput & { readonly uuid: string }): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault.error;
    await this.#put(log, entry);
  }

  /** Resolves once all that was taken is durable. @throws lease_lost, run_closed and what else an append throws */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    if (this.#fault !== undefined) throw this.#fault.error;
  }

  /** What this run has staged. */
  async parts(): Promise<readonly TailPart[]> {
    await this.flush();
    if (this.#repeated) return (await this.#store.tail({ run: this.#claim.run.id })).parts;
    return [...this.#logs].map(([log, { from, to, hash }]) => {
      return { log, from, to, sha256: hash.copy().digest("hex") };
    });
  }

  async #put(log: string, entry: EntryInput): Promise<void> {
    this.#counts.set(log, (this.#counts.get(log) ?? 0) + 1);
    this.#waiting = [...this.#waiting, [log, entry]];
    const writing = this.#start();
    if (this.#waiting.length >= mostWaiting) await writing;
  }

  #start(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    try {
      // What is taken in this turn of the event loop goes together.
      await new Promise<void>((resolve) => setImmediate(resolve));
      while (this.#waiting.length > 0) {
        const waiting = this.#waiting;
        this.#waiting = [];
        const logs = Map.groupBy(waiting, ([log]) => log);
        // Together: a store that shares transactions then makes one of them.
        await Promise.all(
          Array.from(logs, ([log, pairs]) =>
            this.#append(
              log,
              pairs.map(([, entry]) => entry),
            ),
          ),
        );
      }
    } catch (error) {
      this.#fault ??= { error };
    }
  }

  async #append(log: string, entries: readonly EntryInput[]): Promise<void> {
    const { run, lease, input } = this.#claim;
    const key: LogKey = { project: run.project, session: run.session, log };
    const { provider } = input;
    const params = { log: key, entries, provider, fence: lease, run: run.id, reopen: "unsealed" } as const;
    const { from, to, duplicates } = await this.#store.append(params);
    if (duplicates > 0) this.#repeated = true;
    this.#counts.set(log, this.#counts.get(log)! - duplicates);
    const staged = this.#logs.get(log) ?? { from, to, hash: createHash("sha256") };
    staged.to = to;
    for (const { body } of entries) staged.hash.update(`${body}\n`);
    this.#logs.set(log, staged);
  }
}

interface StagedLog {
  readonly from: number;
  to: number;
  readonly hash: Hash;
}

const mostWaiting = 256;
