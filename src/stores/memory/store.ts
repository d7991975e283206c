import { checkLimit, checkSignal, closedStore } from "../../core/checks.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { checkEntries } from "../../core/entry.ts";
import { checkLogKey, checkSessionKey, type SessionKey } from "../../core/ids.ts";
import type * as port from "../../core/store.ts";
import { append } from "./append.ts";
import { getBlob, putBlob } from "./blobs.ts";
import { changes } from "./changes.ts";
import { describe } from "./describe.ts";
import { drop } from "./drop.ts";
import { health } from "./health.ts";
import { logs } from "./logs.ts";
import { migrate } from "./migrate.ts";
import { read } from "./read.ts";
import { scan } from "./scan.ts";
import { session } from "./session.ts";
import { sessions } from "./sessions.ts";
import { emptyState, type State } from "./state.ts";
import { tombstone } from "./tombstone.ts";
import { tombstones } from "./tombstones.ts";
import { watch } from "./watch.ts";

/** Opens a new store that lives and dies with the process. */
export function openMemoryStore({ clock = systemClock }: { readonly clock?: Clock } = {}): port.Store {
  return new MemoryStore(emptyState(clock));
}

class MemoryStore implements port.Store {
  readonly #state: State;

  constructor(state: State) {
    this.#state = state;
  }

  get url(): string {
    return this.#state.url;
  }

  async append(params: port.AppendParams): Promise<port.AppendResult> {
    checkLogKey(params.log);
    checkEntries(params.entries);
    checkSignal(params.signal);
    return append(this.#open(), params);
  }

  async read(params: port.ReadParams): Promise<port.ReadResult> {
    checkLogKey(params.log);
    if (params.limit !== undefined) checkLimit(params.limit, Number.MAX_SAFE_INTEGER);
    return read(this.#open(), params);
  }

  async *scan(params: port.ScanParams): AsyncIterable<readonly string[]> {
    checkLogKey(params.log);
    yield* scan(this.#open(), params);
  }

  async logs(key: SessionKey): Promise<readonly port.LogRow[]> {
    checkSessionKey(key);
    return logs(this.#open(), key);
  }

  async session(key: SessionKey): Promise<port.SessionRow | null> {
    checkSessionKey(key);
    return session(this.#open(), key);
  }

  async sessions(params: port.SessionsParams = {}): Promise<port.SessionPage> {
    return sessions(this.#open(), params);
  }

  async describe(params: port.DescribeParams): Promise<port.SessionRow> {
    checkSessionKey(params.session);
    return describe(this.#open(), params);
  }

  async drop(params: port.DropParams): Promise<port.DropResult> {
    if (params.log === undefined) checkSessionKey(params.session);
    else checkLogKey({ ...params.session, log: params.log });
    return drop(this.#open(), params);
  }

  async tombstone(key: SessionKey): Promise<port.Tombstone | null> {
    checkSessionKey(key);
    return tombstone(this.#open(), key);
  }

  async tombstones(params: port.TombstonesParams = {}): Promise<readonly port.Tombstone[]> {
    return tombstones(this.#open(), params);
  }

  async putBlob(params: port.PutBlobParams): Promise<{ readonly blob: string }> {
    checkSessionKey(params.session);
    return putBlob(this.#open(), params);
  }

  async getBlob(params: { readonly blob: string }): Promise<Uint8Array | null> {
    return getBlob(this.#open(), params);
  }

  async changes(params: port.ChangesParams): Promise<port.ChangesResult> {
    return changes(this.#open(), params);
  }

  async *watch(
    { after }: { readonly after: number },
    signal: AbortSignal,
  ): AsyncIterable<{ readonly position: number }> {
    yield* watch(this.#open(), after, signal);
  }

  async migrate(): Promise<port.MigrateResult> {
    this.#open();
    return migrate();
  }

  async health(): Promise<port.StoreHealth> {
    return health(this.#open());
  }

  async close(): Promise<void> {
    this.#state.closed = true;
    for (const wake of [...this.#state.watchers]) wake();
  }

  #open(): State {
    if (this.#state.closed) throw closedStore(this.#state.url);
    return this.#state;
  }
}
