import { randomUUID } from "node:crypto";
import { closedStore } from "../../../core/checks.ts";
import type { Clock } from "../../../core/clock.ts";
import { lengthOf } from "../../../core/entry.ts";
import type { SessionKey } from "../../../core/ids.ts";
import type {
  AsideBatch,
  Spool,
  SpoolBatch,
  SpoolDepth,
  SpooledBatch,
  SpoolRefusal,
} from "../../../core/spool.ts";
import { CommitQueue } from "../commit-queue.ts";
import type { Connection } from "../connection.ts";
import { type BatchRow, batchOf, columnsOf, optionsOf } from "./batch.ts";

interface SqliteSpoolParams {
  readonly path: string;
  /** Each commit is synced to disk. */
  readonly writer: Connection;
  /** Its commits are not: what is forgotten too late is only sent again, and the store knows it. */
  readonly eraser: Connection;
  readonly clock: Clock;
  readonly lock: Disposable | undefined;
}

/** A spool in one SQLite file. */
export class SqliteSpool implements Spool {
  readonly path: string;
  readonly #writer: Connection;
  readonly #eraser: Connection;
  readonly #clock: Clock;
  readonly #lock: Disposable | undefined;
  readonly #puts: CommitQueue;
  readonly #rest: CommitQueue;
  readonly #opening = randomUUID();
  #count = 0;
  #closed = false;

  constructor({ path, writer, eraser, clock, lock }: SqliteSpoolParams) {
    this.path = path;
    this.#writer = writer;
    this.#eraser = eraser;
    this.#clock = clock;
    this.#lock = lock;
    const none = (): void => undefined;
    const queue = { path, lockWaitMs: 10_000, committed: none, undone: none };
    this.#puts = new CommitQueue({ ...queue, open: () => this.#open(writer) });
    this.#rest = new CommitQueue({ ...queue, open: () => this.#open(eraser) });
  }

  async put(batch: SpoolBatch): Promise<SpooledBatch> {
    this.#open(this.#writer);
    const atMs = this.#clock.now();
    const { times, uuids, bodies } = columnsOf(batch.entries, atMs);
    const { project, session, log } = batch.log;
    const name = `${this.#opening}-${(this.#count += 1)}`;
    const values = [project, session, log, name, atMs, optionsOf(batch)] as const;
    const { entries } = batch;
    const row = [...values, entries.length, lengthOf(entries), times, uuids, bodies];
    const made = await this.#puts.submit((connection) => connection.get<{ id: number }>(putSql, ...row)!);
    return { ...batch, id: made.id, name, atMs };
  }

  next({ project, session }: SessionKey, upTo: number): readonly SpooledBatch[] {
    const rows: BatchRow[] = [];
    let length = 0;
    for (const row of this.#open(this.#eraser).each<BatchRow>(nextSql, project, session, upTo)) {
      length += row.bodies.length;
      if (rows.length > 0 && length > maxLength) break;
      rows.push(row);
    }
    return rows.map(batchOf);
  }

  async remove(ids: readonly number[]): Promise<void> {
    await this.#rest.submit((connection) => connection.run(removeSql, JSON.stringify(ids)));
  }

  async setAside(ids: readonly number[], { code, reason }: SpoolRefusal): Promise<void> {
    const now = this.#clock.now();
    await this.#puts.submit((connection) => connection.run(asideSql, now, code, reason, JSON.stringify(ids)));
  }

  waiting(): readonly SpoolDepth[] {
    return this.#open(this.#eraser).all<SpoolDepth>(waitingSql);
  }

  *aside(session?: SessionKey): Iterable<AsideBatch> {
    const connection = this.#open(this.#eraser);
    const where = session === undefined ? [null, null] : [session.project, session.session];
    for (let after = 0; ;) {
      const row = connection.get<AsideRow>(nextAsideSql, after, where[0]!, where[0]!, where[1]!);
      if (row === undefined) return;
      const { code, reason, asideAtMs, ...batch } = row;
      yield { ...batchOf(batch), code, reason, asideAtMs };
      after = row.id;
    }
  }

  async retry(ids: readonly number[]): Promise<number> {
    return await this.#puts.submit((connection) => {
      connection.run("UPDATE steering SET retries = retries + 1");
      return connection.run(retrySql, JSON.stringify(ids));
    });
  }

  retries(): number {
    return this.#open(this.#eraser).get<{ retries: number }>("SELECT retries FROM steering")!.retries;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    await Promise.all([this.#puts.idle(), this.#rest.idle()]);
    this.#closed = true;
    this.#eraser.close();
    this.#writer.close();
    this.#lock?.[Symbol.dispose]();
  }

  #open(connection: Connection): Connection {
    if (this.#closed) throw closedStore(this.path);
    return connection;
  }
}

type AsideRow = BatchRow & SpoolRefusal & { readonly asideAtMs: number };

/** In UTF-16 units; one round trip carries about as much. */
const maxLength = 1 << 20;

const columns = "id, project, session, log, name, at_ms AS atMs, options, times, uuids, bodies";
const putSql = `
  INSERT INTO batch (project, session, log, name, at_ms, options, count, length, times, uuids, bodies)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`;
const nextSql = `
  SELECT ${columns} FROM batch WHERE aside_at_ms IS NULL AND project = ? AND session = ? AND id <= ?
  ORDER BY id LIMIT 500`;
const removeSql = "DELETE FROM batch WHERE id IN (SELECT value FROM json_each(?)) AND aside_at_ms IS NULL";
const asideSql = `
  UPDATE batch SET aside_at_ms = ?, code = ?, reason = ? WHERE id IN (SELECT value FROM json_each(?))`;
const retrySql = `
  UPDATE batch SET aside_at_ms = NULL, code = NULL, reason = NULL, options = json_remove(options, '$.epoch')
  WHERE id IN (SELECT value FROM json_each(?)) AND aside_at_ms IS NOT NULL`;
const waitingSql = `
  SELECT project, session, log, count(*) AS batches, sum(count) AS entries, max(id) AS lastId,
    min(at_ms) AS sinceMs FROM batch
  WHERE aside_at_ms IS NULL GROUP BY project, session, log`;
const nextAsideSql = `
  SELECT ${columns}, aside_at_ms AS asideAtMs, code, reason FROM batch
  WHERE aside_at_ms IS NOT NULL AND id > ? AND (? IS NULL OR (project = ? AND session = ?)) ORDER BY id LIMIT 1`;
