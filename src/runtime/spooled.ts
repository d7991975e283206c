import { checkSignal, closedStore } from "../core/checks.ts";
import { checkEntries, type EntryInput } from "../core/entry.ts";
import { checkLogKey, type SessionKey } from "../core/ids.ts";
import { leaseLost } from "../core/lease.ts";
import type { AppendParams, AppendResult, Store } from "../core/store.ts";
import type { Spool } from "../core/spool.ts";
import { layered } from "./layered-store.ts";
import type { SpoolLog } from "./spool-session.ts";
import { SpoolShipper, type SpoolShipperParams } from "./spool-shipper.ts";

/** How a spool ships, and how it ends. */
export interface SpoolOptions extends Omit<SpoolShipperParams, "store" | "spool"> {
  /** How long a close goes on shipping; default 5 s. What is left stays in the spool for the next opening. */
  readonly closeWithinMs?: number;
  /** Told at the close where something is left. */
  readonly onLeft?: (left: SpoolStatus) => void;
}

/** What a spool holds, and what became of the rest. */
export interface SpoolStatus {
  /** What waits to be shipped: the metric to watch. */
  readonly depth: { readonly sessions: number; readonly batches: number; readonly entries: number };
  /** Batches that the store refused; `holdfast spool` shows them. */
  readonly aside: number;
  /** Entries that were shipped, and calls that failed, since this process began. */
  readonly shipped: number;
  readonly failures: number;
  /** Why the last call failed; absent since one has succeeded. */
  readonly error?: unknown;
}

/** A store whose appends are acknowledged by a spool. */
export interface SpooledStore extends Store {
  status(): SpoolStatus;
  /** Resolves when all that waits now is shipped or set aside. @throws spool_waiting where the store does not take it now */
  drain(): Promise<void>;
}

/**
 * A store whose appends are acknowledged when the spool has them on disk, and shipped in order behind the caller's back.
 * What would show or change what is spooled waits until it is shipped. Closing it closes the store and the spool.
 */
export function spoolAppends(store: Store, spool: Spool, options: SpoolOptions = {}): SpooledStore {
  const { closeWithinMs = 5000, onLeft, ...params } = options;
  const shipper = new SpoolShipper({ store, spool, ...params });
  const status = (): SpoolStatus => ({ depth: shipper.depth, ...shipper.counts });
  const writer = new SpoolWriter(store, spool, shipper);
  const own = {
    ...waitingVerbs(store, shipper),
    append: (given: AppendParams) => writer.append(given),
    status,
    drain: () => shipper.drainAll(),
    close: async () => {
      if (writer.isClosed) return;
      writer.isClosed = true;
      await drainFor(shipper, closeWithinMs);
      shipper.stop();
      const left = status();
      await spool.close();
      await store.close();
      if (left.depth.batches > 0) onLeft?.(left);
    },
  };
  return layered(store, own);
}

class SpoolWriter {
  readonly #store: Store;
  readonly #spool: Spool;
  readonly #shipper: SpoolShipper;
  isClosed = false;

  constructor(store: Store, spool: Spool, shipper: SpoolShipper) {
    this.#store = store;
    this.#spool = spool;
    this.#shipper = shipper;
  }

  async append(params: AppendParams): Promise<AppendResult> {
    if (this.isClosed) throw closedStore(this.#store.url);
    // What depends on where the log ends, or on a run, only the store can decide.
    if (params.expectHead !== undefined || params.run !== undefined) {
      await this.#shipper.drain(params.log);
      return this.#store.append(params);
    }
    checkLogKey(params.log);
    checkEntries(params.entries);
    checkSignal(params.signal);
    const session = this.#shipper.session(params.log);
    const { fence, provider, reopen, fold } = params;
    if (fence !== undefined && fence.epoch <= session.lostEpoch) throw leaseLost(params.log, fence.epoch);
    const log = { ...params.log };
    const own = session.log(log.log);
    const entries = freshOf(own, params.entries);
    const duplicates = params.entries.length - entries.length;
    if (entries.length > 0) {
      const batch = await this.#spool.put({
        log,
        entries,
        folds: fold !== undefined,
        ...(provider === undefined ? {} : { provider }),
        ...(reopen === undefined ? {} : { reopen }),
        ...(fence === undefined ? {} : { epoch: fence.epoch }),
      });
      session.added(batch, fold);
      this.#shipper.ship(session);
    }
    return resultOf(own, entries.length, duplicates);
  }
}

/** A batch that waits already, and what a batch repeats, is not spooled again; all else the store knows. */
function freshOf({ uuids }: SpoolLog, entries: readonly EntryInput[]): EntryInput[] {
  const seen = new Set<string>();
  const fresh: EntryInput[] = [];
  for (const { body, uuid, atMs } of entries) {
    if (uuid !== undefined && (uuids.has(uuid) || seen.has(uuid))) continue;
    if (uuid !== undefined) seen.add(uuid);
    fresh.push({ body, ...(uuid === undefined ? {} : { uuid }), ...(atMs === undefined ? {} : { atMs }) });
  }
  return fresh;
}

/** Where the entries will stand if nobody else writes the log; nobody sees more of it than up to `committed` yet. */
function resultOf({ committed, entries }: SpoolLog, appended: number, duplicates: number): AppendResult {
  const to = committed + entries;
  return { from: to - appended + 1, to, appended, duplicates, committed };
}

/** The verbs that show or change what may be in the spool: they come behind it. */
function waitingVerbs(store: Store, shipper: SpoolShipper) {
  const behind = <Answer>(key: SessionKey, call: () => Promise<Answer>): Promise<Answer> =>
    shipper.isWaiting(key) ? shipper.drain(key).then(call) : call();
  const behindAll = async <Answer>(
    drained: () => Promise<void>,
    call: () => Promise<Answer>,
  ): Promise<Answer> => {
    if (shipper.depth.batches > 0) await drained();
    return call();
  };
  // One session that cannot be shipped keeps no list from its reader: a list may be behind a log.
  const tried = (): Promise<void> => shipper.drainAll().catch(() => undefined);
  return {
    read: (params) => behind(params.log, () => store.read(params)),
    async *scan(params) {
      await shipper.drain(params.log);
      yield* store.scan(params);
    },
    logs: (key) => behind(key, () => store.logs(key)),
    session: (key) => behind(key, () => store.session(key)),
    describe: (params) => behind(params.session, () => store.describe(params)),
    drop: (params) => behind(params.session, () => store.drop(params)),
    holdings: (params) => behind(params.session, () => store.holdings(params)),
    adopt: (params) => behind(params.session, () => store.adopt(params)),
    // A lease that ends, or another one that begins, would fence out what was written under this one.
    acquireLease: (params) => behind(params.session, () => store.acquireLease(params)),
    releaseLease: (params) => behind(params.session, () => store.releaseLease(params)),
    commit: (params) => behind(params.session, () => store.commit(params)),
    endRun: (params) => behind(params.session, () => store.endRun(params)),
    claim: (params) =>
      behindAll(
        () => shipper.drainOpen(),
        () => store.claim(params),
      ),
    sessions: (params) => behindAll(tried, () => store.sessions(params)),
    keys: (params) => behindAll(tried, () => store.keys(params)),
  } satisfies Partial<Store>;
}

async function drainFor(shipper: SpoolShipper, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const drained = shipper.drainAll().catch(() => undefined);
  await Promise.race([drained, promise]);
  clearTimeout(timer);
}
