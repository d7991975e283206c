import type { LogKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import { BatchSender, type SendCounters } from "./batch-sender.ts";
import type { ClaudeEntry, ClaudeSessionKey, ClaudeSummary, FoldSessionSummary } from "./contract.ts";
import { makeFold } from "./fold.ts";
import { rememberRemoval } from "./import-record.ts";
import { logOf, projectOf } from "./log-key.ts";
import { loadLog, Prefetch } from "./prefetch.ts";
import { withoutOldClosers } from "./old-closers.ts";
import { loadSdkFold } from "./sdk-fold.ts";
import { type ClaudeLeaseOptions, type LeaseCounters, SessionWriter } from "./session-writer.ts";
import { mainSessions, summaryOf } from "./summaries.ts";
import { Watchdog, type WatchdogCounters } from "./watchdog.ts";

/** How the SDK's sessions are kept. */
export interface ClaudeSessionStoreOptions extends ClaudeLeaseOptions {
  /** A fixed project, or a function of the SDK's projectKey; default is that key itself. */
  readonly project?: string | ((projectKey: string) => string);
  /** When an append is given up, in ms; default 10,000, far below the SDK's own 60,000. */
  readonly appendTimeoutMs?: number;
  /** The SDK's helper; default is the installed SDK's. Without any the SDK loads each session that it lists. */
  readonly foldSessionSummary?: FoldSessionSummary;
}

/** What the adapter has seen since it was made. */
export type ClaudeStoreHealth = Readonly<SendCounters & WatchdogCounters & LeaseCounters>;

/** Keeps the Claude Agent SDK's `SessionStore` contract on a Holdfast store. */
export function claudeSessionStore(
  store: Store,
  options: ClaudeSessionStoreOptions = {},
): ClaudeSessionStore {
  return new ClaudeSessionStore(store, options);
}

export class ClaudeSessionStore {
  readonly #store: Store;
  readonly #options: ClaudeSessionStoreOptions;
  readonly #writer: SessionWriter;
  readonly #sender: BatchSender;
  readonly #prefetch: Prefetch;
  readonly #watchdog = new Watchdog();
  #sdkFold: Promise<FoldSessionSummary | undefined> | undefined;

  constructor(store: Store, options: ClaudeSessionStoreOptions) {
    this.#store = store;
    this.#options = options;
    this.#writer = new SessionWriter(store, options);
    this.#sender = new BatchSender({
      append: (params) => this.#writer.append(params),
      timeoutMs: options.appendTimeoutMs ?? 10_000,
    });
    this.#prefetch = new Prefetch(store);
  }

  /** Stores a batch once; after a timeout the same array may be passed again, and is not stored twice. @throws append_timeout, session_busy, lease_lost */
  async append(key: ClaudeSessionKey, entries: ClaudeEntry[]): Promise<void> {
    const log = this.#logOf(key);
    this.#watchdog.appended(key.sessionId);
    this.#prefetch.clear();
    const fold = this.#foldSummary().then((foldSummary) => makeFold(key, foldSummary));
    try {
      await this.#sender.send({ log, entries, fold });
    } finally {
      // Again, for what was loaded while this append was under way.
      this.#prefetch.clear();
    }
  }

  /** All entries of one transcript in order, or null where nothing was written. @throws session_busy */
  async load(key: ClaudeSessionKey): Promise<ClaudeEntry[] | null> {
    const log = this.#logOf(key);
    // Before it is read: what is read without the lease may be behind when it is taken.
    if (key.subpath === undefined) await this.#writer.open(log);
    const ahead = key.subpath === undefined ? undefined : await this.#prefetch.take(log);
    const entries = ahead ?? (await loadLog(this.#store, log));
    this.#writer.opened(log, entries?.length ?? 0);
    if (key.subpath === undefined && entries !== null) await this.#prefetch.start(log);
    return entries && withoutOldClosers(entries);
  }

  /** The project's sessions that have a main transcript. */
  async listSessions(projectKey: string): Promise<{ sessionId: string; mtime: number }[]> {
    const rows = await mainSessions(this.#store, this.#projectOf(projectKey));
    return rows.map(({ session, updatedAtMs }) => ({ sessionId: session, mtime: updatedAtMs }));
  }

  /** The folded summaries; one that missed entries is folded anew, or left out where no fold is known, and the SDK loads it. */
  async listSessionSummaries(projectKey: string): Promise<ClaudeSummary[]> {
    const store = this.#store;
    const foldSummary = await this.#foldSummary();
    const summaries: ClaudeSummary[] = [];
    for (const row of await mainSessions(store, this.#projectOf(projectKey))) {
      const summary = await summaryOf(row, { store, projectKey, foldSummary });
      if (summary !== undefined) summaries.push(summary);
    }
    return summaries;
  }

  /** Removes a session, or one subpath of it. @throws session_busy */
  async delete(key: ClaudeSessionKey): Promise<void> {
    const { project, session, log } = this.#logOf(key);
    this.#prefetch.clear();
    const only = key.subpath === undefined ? {} : { log };
    await this.#writer.open({ project, session });
    if (key.subpath !== undefined) await rememberRemoval(this.#store, { project, session, log });
    await this.#store.drop({
      session: { project, session },
      ...only,
      actor: "claude-agent-sdk",
      sealed: false,
    });
    await this.#writer.dropped({ project, session, ...only });
  }

  /** The session's subpaths. */
  async listSubkeys(key: { readonly projectKey: string; readonly sessionId: string }): Promise<string[]> {
    const { project, session } = this.#logOf(key);
    const logs = await this.#store.logs({ project, session });
    return logs.map(({ log }) => log).filter((log) => log !== "" && !log.startsWith("@"));
  }

  /** The counters, as they are now. */
  health(): ClaudeStoreHealth {
    return { ...this.#sender.counters, ...this.#watchdog.counters, ...this.#writer.counters };
  }

  /** Gives the lease of a session that is not used any more back at once, or all. */
  async release(key?: { readonly projectKey: string; readonly sessionId: string }): Promise<void> {
    await this.#writer.release(key && this.#logOf({ projectKey: key.projectKey, sessionId: key.sessionId }));
  }

  /** Gives all leases back; the store stays open. */
  async close(): Promise<void> {
    await this.#writer.release();
  }

  /** Takes each message of the SDK's stream, keeps its session's lease in use, and warns when a turn ended with nothing appended. */
  observe(message: unknown): void {
    const sessionId = sessionIn(message);
    if (sessionId !== undefined) this.#writer.touch(sessionId);
    const warning = this.#watchdog.observe(message);
    if (warning !== undefined) this.#options.onWarning?.(warning);
  }

  #foldSummary(): Promise<FoldSessionSummary | undefined> {
    const { foldSessionSummary } = this.#options;
    return (this.#sdkFold ??=
      foldSessionSummary === undefined ? loadSdkFold() : Promise.resolve(foldSessionSummary));
  }

  #projectOf(projectKey: string): string {
    return projectOf(this.#options.project, projectKey);
  }

  #logOf(key: ClaudeSessionKey): LogKey {
    return logOf(this.#options.project, key);
  }
}

function sessionIn(message: unknown): string | undefined {
  if (typeof message !== "object" || message === null || !("session_id" in message)) return undefined;
  return typeof message.session_id === "string" ? message.session_id : undefined;
}
