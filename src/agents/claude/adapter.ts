import { isUuid } from "../../core/entry.ts";
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import type { LogKey } from "../../core/ids.ts";
import type { AppendResult, SessionRow, Store } from "../../core/store.ts";
import type { ClaudeEntry, ClaudeSessionKey, ClaudeSummary, FoldSessionSummary } from "./contract.ts";
import { makeFold } from "./fold.ts";
import { Prefetch } from "./prefetch.ts";
import { loadSdkFold } from "./sdk-fold.ts";
import { Watchdog } from "./watchdog.ts";

/** How the SDK's sessions are kept. */
export interface ClaudeSessionStoreOptions {
  /** A fixed project, or a function of the SDK's projectKey; default is that key itself. */
  readonly project?: string | ((projectKey: string) => string);
  /** When an append is given up, in ms; default 10,000, far below the SDK's own 60,000. */
  readonly appendTimeoutMs?: number;
  /** The SDK's helper; default is the installed SDK's. Without any the SDK loads each session that it lists. */
  readonly foldSessionSummary?: FoldSessionSummary;
  /** Called with a sentence when `observe` has seen that something is not mirrored. */
  readonly onWarning?: (warning: string) => void;
}

/** What the adapter has seen since it was made. */
export interface ClaudeStoreHealth {
  readonly appends: number;
  readonly entries: number;
  readonly duplicates: number;
  readonly retries: number;
  readonly refused: number;
  readonly timeouts: number;
  /** UTF-16 length of all bodies sent. */
  readonly length: number;
  /** Turns that ended with nothing appended, and batches that the SDK dropped, as `observe` has seen them. */
  readonly silentTurns: number;
  readonly mirrorErrors: number;
}

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
  readonly #watchdog = new Watchdog();
  readonly #prefetch = new Prefetch();
  #sdkFold: Promise<FoldSessionSummary | undefined> | undefined;
  readonly #sent = new WeakMap<readonly ClaudeEntry[], Promise<AppendResult>>();
  readonly #health = {
    appends: 0,
    entries: 0,
    duplicates: 0,
    retries: 0,
    refused: 0,
    timeouts: 0,
    length: 0,
  };

  constructor(store: Store, options: ClaudeSessionStoreOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Stores a batch once. A retry with the same array joins the call that is under way. @throws append_timeout */
  async append(key: ClaudeSessionKey, entries: ClaudeEntry[]): Promise<void> {
    this.#health.appends += 1;
    this.#watchdog.appended(key.sessionId);
    this.#prefetch.clear();
    const earlier = this.#sent.get(entries);
    if (earlier !== undefined) this.#health.retries += 1;
    const sending = earlier ?? this.#send(key, entries);
    this.#sent.set(entries, sending);
    try {
      const result = await this.#withTimeout(sending);
      if (earlier !== undefined) return;
      this.#health.entries += result.appended;
      this.#health.duplicates += result.duplicates;
    } catch (error) {
      this.#health.refused += 1;
      throw error;
    } finally {
      // Again, for what was loaded while this append was under way.
      this.#prefetch.clear();
    }
  }

  /** All entries of one transcript in order, or null where nothing was written. */
  async load(key: ClaudeSessionKey): Promise<ClaudeEntry[] | null> {
    const log = this.#logOf(key);
    if (key.subpath !== undefined) return (await this.#prefetch.take(idOf(log))) ?? this.#loadLog(log);
    const entries = await this.#loadLog(log);
    if (entries !== null) await this.#prefetchSubagents(log);
    return entries;
  }

  async #loadLog(log: LogKey): Promise<ClaudeEntry[] | null> {
    const entries: ClaudeEntry[] = [];
    for await (const piece of this.#store.scan({ log })) {
      for (const body of piece) entries.push(JSON.parse(body) as ClaudeEntry);
    }
    return entries.length === 0 ? null : entries;
  }

  /** The project's sessions that have a main transcript. */
  async listSessions(projectKey: string): Promise<{ sessionId: string; mtime: number }[]> {
    const rows = await this.#rows(projectKey);
    return rows.map(({ session, updatedAtMs }) => ({ sessionId: session, mtime: updatedAtMs }));
  }

  /** The folded summaries; one that missed entries is folded anew, or left out where no fold is known, and the SDK loads it. */
  async listSessionSummaries(projectKey: string): Promise<ClaudeSummary[]> {
    const summaries: ClaudeSummary[] = [];
    for (const row of await this.#rows(projectKey)) {
      const summary = row.summary ?? (await this.#refold(projectKey, row));
      if (summary === undefined) continue;
      const data = JSON.parse(summary) as Record<string, unknown>;
      summaries.push({ sessionId: row.session, mtime: row.updatedAtMs, data });
    }
    return summaries;
  }

  /** Removes a session, or one subpath of it. */
  async delete(key: ClaudeSessionKey): Promise<void> {
    const { project, session, log } = this.#logOf(key);
    this.#prefetch.clear();
    const only = key.subpath === undefined ? {} : { log };
    await this.#store.drop({
      session: { project, session },
      ...only,
      actor: "claude-agent-sdk",
      sealed: false,
    });
  }

  /** The session's subpaths. */
  async listSubkeys(key: { readonly projectKey: string; readonly sessionId: string }): Promise<string[]> {
    const { project, session } = this.#logOf(key);
    const logs = await this.#store.logs({ project, session });
    return logs.map(({ log }) => log).filter((log) => log !== "" && !log.startsWith("@"));
  }

  /** The counters, as they are now. */
  health(): ClaudeStoreHealth {
    return { ...this.#health, ...this.#watchdog.counters };
  }

  /** Takes each message of the SDK's stream, and warns when a turn ended with nothing appended. */
  observe(message: unknown): void {
    const warning = this.#watchdog.observe(message);
    if (warning !== undefined) this.#options.onWarning?.(warning);
  }

  async #prefetchSubagents({ project, session }: LogKey): Promise<void> {
    let budget = prefetchLength;
    for (const { log, length } of await this.#store.logs({ project, session })) {
      if (log === "" || log.startsWith("@") || (budget -= length) < 0) continue;
      const key = { project, session, log };
      this.#prefetch.start(idOf(key), () => this.#loadLog(key));
    }
  }

  #fold(): Promise<FoldSessionSummary | undefined> {
    const { foldSessionSummary } = this.#options;
    return (this.#sdkFold ??=
      foldSessionSummary === undefined ? loadSdkFold() : Promise.resolve(foldSessionSummary));
  }

  async #refold(projectKey: string, { project, session, mainHead }: SessionRow): Promise<string | undefined> {
    const foldSummary = await this.#fold();
    if (foldSummary === undefined) return undefined;
    const entries = await this.#loadLog({ project, session, log: "" });
    if (entries?.length !== mainHead) return undefined;
    const { data } = foldSummary(undefined, { projectKey, sessionId: session }, entries as never[], {
      mtime: 0,
    });
    const summary = { data: JSON.stringify(data), head: mainHead };
    try {
      await this.#store.describe({ session: { project, session }, summary });
      return summary.data;
    } catch (error) {
      // An append came in between: the SDK loads this one, and the next list folds it.
      if (isHoldfastError(error) && (error.code === "head_conflict" || error.code === "session_unknown"))
        return undefined;
      throw error;
    }
  }

  async #send(key: ClaudeSessionKey, entries: readonly ClaudeEntry[]): Promise<AppendResult> {
    const inputs = entries.map((entry) => ({
      body: JSON.stringify(entry),
      uuid: isUuid(entry.uuid) ? entry.uuid : undefined,
    }));
    for (const { body } of inputs) this.#health.length += body.length;
    try {
      return await this.#store.append({
        log: this.#logOf(key),
        entries: inputs,
        provider: "claude-code",
        fold: makeFold(key, await this.#fold()),
        reopen: "unsealed",
      });
    } catch (error) {
      // A refused batch was not stored: the SDK's next attempt with this array is a new one.
      this.#sent.delete(entries);
      throw error;
    }
  }

  async #withTimeout(sending: Promise<AppendResult>): Promise<AppendResult> {
    const timeoutMs = this.#options.appendTimeoutMs ?? 10_000;
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      this.#health.timeouts += 1;
      reject(timedOut(timeoutMs));
    }, timeoutMs);
    try {
      return await Promise.race([sending, promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #rows(projectKey: string): Promise<SessionRow[]> {
    const found: SessionRow[] = [];
    const filter = { project: this.#projectOf(projectKey) };
    let cursor: string | undefined;
    do {
      const page = await this.#store.sessions({
        filter,
        limit: 1000,
        ...(cursor === undefined ? {} : { cursor }),
      });
      found.push(...page.sessions.filter(({ mainHead }) => mainHead > 0));
      cursor = page.cursor;
    } while (cursor !== undefined);
    return found;
  }

  #projectOf(projectKey: string): string {
    const { project } = this.#options;
    return typeof project === "function" ? project(projectKey) : (project ?? projectKey);
  }

  #logOf({ projectKey, sessionId, subpath }: ClaudeSessionKey): LogKey {
    if (subpath === "" || subpath?.startsWith("@") === true) throw badSubpath(subpath);
    return { project: this.#projectOf(projectKey), session: sessionId, log: subpath ?? "" };
  }
}

// Sum of UTF-16 lengths: a session of many big subagents is not held in memory at once.
const prefetchLength = 64 << 20;

function idOf({ project, session, log }: LogKey): string {
  return JSON.stringify([project, session, log]);
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

function badSubpath(subpath: string): HoldfastError {
  return new HoldfastError({
    code: "invalid_key",
    message: `The subpath "${subpath}" is empty or begins with @, which Holdfast keeps for itself.`,
    next: "Leave subpath out for the main transcript, or name it otherwise.",
  });
}
