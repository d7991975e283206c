import { type EntryInput, isUuid } from "../../core/entry.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { LogKey } from "../../core/ids.ts";
import type { AppendResult, Fold, Store } from "../../core/store.ts";
import type { ClaudeEntry } from "./contract.ts";
import { idOf } from "./log-key.ts";

/** What was sent since the sender was made. */
export interface SendCounters {
  appends: number;
  entries: number;
  duplicates: number;
  retries: number;
  refused: number;
  timeouts: number;
  /** UTF-8 size of all bodies that were sent, retries too. */
  bytes: number;
}

/**
 * Appends batches, and gives each up after its time. The SDK then passes the same array again, and entries without
 * a uuid cannot be told from new ones: so a batch that was given up and may still land is joined, not sent twice.
 */
export class BatchSender {
  readonly counters: SendCounters = {
    appends: 0,
    entries: 0,
    duplicates: 0,
    retries: 0,
    refused: 0,
    timeouts: 0,
    bytes: 0,
  };
  readonly #append: Store["append"];
  readonly #timeoutMs: number;
  readonly #failed = new WeakMap<readonly ClaudeEntry[], FailedBatch>();

  constructor({ append, timeoutMs }: { readonly append: Store["append"]; readonly timeoutMs: number }) {
    this.#append = append;
    this.#timeoutMs = timeoutMs;
  }

  /** Stores a batch once, or says that it could not. @throws append_timeout, and what the append throws */
  async send({ log, entries, fold }: SendParams): Promise<void> {
    const inputs = entries.map(toInput);
    const { counters } = this;
    counters.appends += 1;
    for (const { body } of inputs) counters.bytes += Buffer.byteLength(body);
    const failed = this.#failed.get(entries);
    if (failed !== undefined) counters.retries += 1;
    try {
      const result =
        (await this.#join(failed?.late, log, inputs)) ??
        (await this.#await(entries, this.#start({ log, inputs, fold })));
      this.#failed.delete(entries);
      counters.entries += result.appended;
      counters.duplicates += result.duplicates;
    } catch (error) {
      counters.refused += 1;
      throw error;
    }
  }

  /** The answer to the same batch, given up before; undefined where there is none, or where it stored nothing. */
  async #join(
    late: Attempt | undefined,
    log: LogKey,
    inputs: readonly EntryInput[],
  ): Promise<AppendResult | undefined> {
    if (late === undefined || late.id !== idOf(log) || !isSame(late.inputs, inputs)) return undefined;
    try {
      return await this.#withTimeout(late);
    } catch (error) {
      if (late.refused) return undefined;
      throw error;
    }
  }

  async #await(entries: readonly ClaudeEntry[], attempt: Attempt): Promise<AppendResult> {
    try {
      return await this.#withTimeout(attempt);
    } catch (error) {
      // A refusal stored nothing: only what is still under way, or lands late, can be joined.
      this.#failed.set(entries, { late: attempt.refused ? undefined : attempt });
      throw error;
    }
  }

  #start({ log, inputs, fold }: StartParams): Attempt {
    const controller = new AbortController();
    const sending = (async () =>
      this.#append({
        log,
        entries: inputs,
        provider: "claude-code",
        fold: await fold,
        reopen: "unsealed",
        signal: controller.signal,
      }))();
    const attempt: Attempt = { id: idOf(log), inputs, sending, controller, refused: false };
    sending.catch(() => {
      attempt.refused = true;
    });
    return attempt;
  }

  async #withTimeout({ sending, controller }: Attempt): Promise<AppendResult> {
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      this.counters.timeouts += 1;
      reject(timedOut(this.#timeoutMs));
      controller.abort();
    }, this.#timeoutMs);
    try {
      return await Promise.race([sending, promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

interface SendParams {
  readonly log: LogKey;
  readonly entries: readonly ClaudeEntry[];
  readonly fold: Promise<Fold>;
}

interface StartParams {
  readonly log: LogKey;
  readonly inputs: readonly EntryInput[];
  readonly fold: Promise<Fold>;
}

interface FailedBatch {
  readonly late: Attempt | undefined;
}

interface Attempt {
  readonly id: string;
  readonly inputs: readonly EntryInput[];
  readonly sending: Promise<AppendResult>;
  readonly controller: AbortController;
  refused: boolean;
}

function toInput(entry: ClaudeEntry): EntryInput {
  return { body: JSON.stringify(entry), uuid: isUuid(entry.uuid) ? entry.uuid : undefined };
}

function isSame(one: readonly EntryInput[], other: readonly EntryInput[]): boolean {
  return one.length === other.length && one.every(({ body }, index) => body === other[index]!.body);
}

function timedOut(timeoutMs: number): HoldfastError {
  return new HoldfastError({
    code: "append_timeout",
    message: `The store did not answer an append within ${timeoutMs} ms.`,
    next: "Try the same batch again: what was stored meanwhile is not stored twice.",
    data: { timeoutMs },
    retryable: true,
  });
}
