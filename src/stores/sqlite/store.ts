import { checkAfter, checkLimit, closedStore } from "../../core/checks.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { checkEntries } from "../../core/entry.ts";
import { checkLogKey, checkSessionKey, type SessionKey } from "../../core/ids.ts";
import type * as port from "../../core/store.ts";
import { append } from "./append.ts";
import { getBlob, putBlob } from "./blobs.ts";
import { changes, positionOf } from "./changes.ts";
import { CommitQueue } from "./commit-queue.ts";
import type { Connection } from "./connection.ts";
import { describe } from "./describe.ts";
import { drop } from "./drop.ts";
import { health } from "./health.ts";
import { KnownLogs } from "./known-logs.ts";
import { logs } from "./logs.ts";
import { migrate, readMigrations } from "./migrate.ts";
import { openFile, openWriter, type Synchronous } from "./open.ts";
import { read } from "./read.ts";
import { scan } from "./scan.ts";
import { session } from "./session.ts";
import { sessions } from "./sessions.ts";
import { findTombstone } from "./tombstone.ts";
import { tombstones } from "./tombstones.ts";
import { Watch } from "./watch.ts";

/** How to open a store in one SQLite file. */
export interface SqliteStoreOptions {
  readonly path: string;
  /** Make the file where there is none; default true. */
  readonly create?: boolean;
  readonly clock?: Clock;
  readonly synchronous?: Synchronous;
  /** How long a write waits while another process writes; default 10,000. */
  readonly lockWaitMs?: number;
  /** How often watchers look for other processes' commits; default 10. */
  readonly pollMs?: number;
}

/** Opens a store in one SQLite file. @throws store_unreachable, store_foreign, store_too_new, migration_failed */
export function openSqliteStore(options: SqliteStoreOptions): port.Store {
  return new SqliteStore(options);
}

class SqliteStore implements port.Store {
  readonly url: string;
  readonly #clock: Clock;
  readonly #reader: Connection;
  readonly #queue: CommitQueue;
  readonly #watch: Watch;
  readonly #known = new KnownLogs();
  #writer: Connection | undefined;
  #closed = false;

  constructor({
    path,
    create = true,
    clock = systemClock,
    synchronous = "FULL",
    lockWaitMs = 10_000,
    pollMs = 10,
  }: SqliteStoreOptions) {
    this.#clock = clock;
    this.#reader = openFile({ path, create, lockWaitMs, now: clock.now() });
    this.url = `sqlite:${this.#reader.path}`;
    this.#watch = new Watch({ connection: () => this.#open(), pollMs });
    const open = (): Connection => (this.#writer ??= openWriter(this.#reader.path, synchronous));
    this.#queue = new CommitQueue({
      open,
      path: this.#reader.path,
      lockWaitMs,
      committed: () => this.#watch.wake(),
      undone: () => this.#known.clear(),
    });
  }

  async append(params: port.AppendParams): Promise<port.AppendResult> {
    checkLogKey(params.log);
    checkEntries(params.entries);
    // The caller may change what it passed while the append waits for its turn.
    const own = { ...params, log: { ...params.log }, entries: params.entries.map((entry) => ({ ...entry })) };
    return this.#write(
      (connection) => append(connection, this.#known, own, this.#clock.now()),
      params.signal,
    );
  }

  async read(params: port.ReadParams): Promise<port.ReadResult> {
    checkLogKey(params.log);
    if (params.limit !== undefined) checkLimit(params.limit, Number.MAX_SAFE_INTEGER);
    return read(this.#open(), params);
  }

  scan(params: port.ScanParams): AsyncIterable<readonly string[]> {
    checkLogKey(params.log);
    return scan(() => this.#open(), params);
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
    const own = structuredClone(params);
    return this.#write((connection) => describe(connection, own, this.#clock.now()));
  }

  async drop(params: port.DropParams): Promise<port.DropResult> {
    checkLogKey({ ...params.session, log: params.log ?? "" });
    const own = structuredClone(params);
    return this.#write((connection) => drop(connection, own, this.#clock.now()));
  }

  async tombstone(key: SessionKey): Promise<port.Tombstone | null> {
    checkSessionKey(key);
    return findTombstone(this.#open(), key) ?? null;
  }

  async tombstones(params: port.TombstonesParams = {}): Promise<readonly port.Tombstone[]> {
    return tombstones(this.#open(), params);
  }

  async putBlob(params: port.PutBlobParams): Promise<{ readonly blob: string }> {
    checkSessionKey(params.session);
    const own = structuredClone(params);
    return this.#write((connection) => putBlob(connection, own));
  }

  async getBlob(params: { readonly blob: string }): Promise<Uint8Array | null> {
    return getBlob(this.#open(), params);
  }

  async changes(params: port.ChangesParams): Promise<port.ChangesResult> {
    return changes(this.#open(), params);
  }

  watch(
    { after }: { readonly after: number },
    signal: AbortSignal,
  ): AsyncIterable<{ readonly position: number }> {
    checkAfter(after, positionOf(this.#open()), "the change feed");
    return this.#watch.positions(after, signal);
  }

  async migrate(): Promise<port.MigrateResult> {
    return migrate(this.#open(), readMigrations(), this.#clock.now());
  }

  async health({ deep = false }: { readonly deep?: boolean } = {}): Promise<port.StoreHealth> {
    return health(this.#open(), this.url, deep);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#queue.idle();
    this.#watch.wake();
    this.#writer?.close();
    this.#reader.close();
  }

  async #write<Result>(write: (connection: Connection) => Result, signal?: AbortSignal): Promise<Result> {
    this.#open();
    return this.#queue.submit(write, signal);
  }

  #open(): Connection {
    if (this.#closed) throw closedStore(this.url);
    return this.#reader;
  }
}
