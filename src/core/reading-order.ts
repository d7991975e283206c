import type { Entry } from "./entry.ts";
import type { LogKey, SessionKey } from "./ids.ts";
import type { ReadParams, Store } from "./store.ts";

/**
 * A block that was stored late and belongs earlier: the entries `from`..`to` are read right after the entry `after`
 * (0: first of all). The log itself is never reordered. A move is written before its block and holds only while that
 * block is there: after a crash between the two it says nothing.
 */
export interface Move {
  readonly log: string;
  readonly after: number;
  readonly from: number;
  readonly to: number;
  /** Of the block's bodies, by `blockHash`. */
  readonly hash: string;
}

/** Entries that follow one another in the log and in reading, both ends included. */
export interface Segment {
  readonly from: number;
  readonly to: number;
}

/** What reading in order asks of a store. */
export type LogStore = Pick<Store, "read" | "scan" | "append">;

/** Says that a block of a log is to be read earlier than it was stored. */
export async function recordMove(store: LogStore, session: SessionKey, move: Move): Promise<void> {
  await store.append({ log: orderLog(session), entries: [{ body: JSON.stringify(move) }] });
}

/** In which order a log is to be read, up to its committed end; `id` names the log that this is true of. */
export async function readingOrder(store: LogStore, log: LogKey): Promise<Order> {
  // The end first: a move is written before its block, so no block up to here can lack its move.
  const { id, committed } = await store.read({ log, limit: 1 });
  if (id === undefined) return { of: { log }, segments: [] };
  const of = { log, id };
  return { of, segments: segmentsOf(committed, await movesOf(store, of, committed)) };
}

/** What to read, in turn; a log that was dropped since is refused, never mixed with the one that came after it. */
export interface Order {
  readonly of: Pick<ReadParams, "log" | "id">;
  readonly segments: readonly Segment[];
}

/** Yields a log's bodies in their reading order, in pieces. @throws session_dropped when that happens meanwhile */
export async function* scanInOrder(store: LogStore, log: LogKey): AsyncGenerator<readonly string[]> {
  const { of, segments } = await readingOrder(store, log);
  for (const segment of segments) yield* scanSegment(store, of, segment);
}

/** Reads a log in its reading order, in pages of at most `limit`. @throws session_dropped as above */
export async function* pagesInOrder(
  store: LogStore,
  log: LogKey,
  limit: number,
): AsyncGenerator<readonly Entry[]> {
  const { of, segments } = await readingOrder(store, log);
  for (const { from, to } of segments) {
    for (let next = from; next <= to; next += limit) {
      const size = Math.min(limit, to - next + 1);
      yield (await store.read({ ...of, after: next - 1, limit: size })).entries;
    }
  }
}

/** The last entries of a log in its reading order, opened at its tail. @throws session_dropped as above */
export async function tailInOrder(store: LogStore, log: LogKey, limit: number): Promise<readonly Entry[]> {
  const tail: Entry[] = [];
  const { of, segments } = await readingOrder(store, log);
  for (const { from, to } of segments.toReversed()) {
    const size = Math.min(limit - tail.length, to - from + 1);
    if (size <= 0) break;
    tail.unshift(...(await store.read({ ...of, after: to - size, limit: size })).entries);
  }
  return tail;
}

/** A hash that tells one block of bodies from another; no protection against forgery. */
export function blockHash(bodies: readonly string[]): string {
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  for (const body of bodies) {
    for (let at = 0; at < body.length; at += 1) {
      const code = body.charCodeAt(at);
      high = Math.imul(high ^ code, 2_654_435_761);
      low = Math.imul(low ^ code, 1_597_334_677);
    }
    [high, low] = [low ^ (high >>> 13), high ^ (low >>> 16)];
  }
  return [high, low].map((part) => (part >>> 0).toString(16).padStart(8, "0")).join("");
}

/** The order in which `head` entries are read after these moves, each made on what the earlier ones left. */
export function segmentsOf(head: number, moves: readonly Move[]): Segment[] {
  const order: Segment[] = head === 0 ? [] : [{ from: 1, to: head }];
  for (const move of moves) {
    takeOut(order, move);
    putIn(order, { from: move.from, to: move.to }, move.after);
  }
  return joined(order);
}

const shortSegment = 64;

function orderLog({ project, session }: SessionKey): LogKey {
  return { project, session, log: "@order" };
}

async function movesOf(store: LogStore, of: Order["of"], committed: number): Promise<Move[]> {
  const { entries } = await store.read({ log: orderLog(of.log) });
  const moves = entries.map(({ body }) => JSON.parse(body) as Move).filter(({ log }) => log === of.log.log);
  const holding: Move[] = [];
  for (const move of moves) if (move.to <= committed && (await holds(store, of, move))) holding.push(move);
  return holding;
}

async function holds(store: LogStore, of: Order["of"], { from, to, hash }: Move): Promise<boolean> {
  const { entries } = await store.read({ ...of, after: from - 1, limit: to - from + 1 });
  return blockHash(entries.map(({ body }) => body)) === hash;
}

async function* scanSegment(
  store: LogStore,
  of: Order["of"],
  { from, to }: Segment,
): AsyncGenerator<readonly string[]> {
  let left = to - from + 1;
  // A scan fetches many bodies at once, of which a short segment would use a few.
  if (left <= shortSegment) {
    const { entries } = await store.read({ ...of, after: from - 1, limit: left });
    yield entries.map(({ body }) => body);
    return;
  }
  for await (const piece of store.scan({ ...of, after: from - 1 })) {
    yield piece.slice(0, left);
    if ((left -= piece.length) <= 0) return;
  }
}

// In place: a session may have thousands of moves.
function takeOut(order: Segment[], { from, to }: Segment): void {
  let left = to - from + 1;
  for (let at = 0; at < order.length && left > 0; at += 1) {
    const segment = order[at]!;
    if (segment.from > to || segment.to < from) continue;
    left -= Math.min(segment.to, to) - Math.max(segment.from, from) + 1;
    const before = { from: segment.from, to: Math.min(segment.to, from - 1) };
    const behind = { from: Math.max(segment.from, to + 1), to: segment.to };
    const rest = [before, behind].filter(isSome);
    order.splice(at, 1, ...rest);
    at += rest.length - 1;
  }
}

function putIn(order: Segment[], block: Segment, after: number): void {
  const at = order.findIndex(({ from, to }) => from <= after && after <= to);
  if (at === -1) return void order.unshift(block);
  const { from, to } = order[at]!;
  order.splice(at, 1, { from, to: after }, block, ...[{ from: after + 1, to }].filter(isSome));
}

function isSome({ from, to }: Segment): boolean {
  return from <= to;
}

function joined(order: readonly Segment[]): Segment[] {
  const whole: Segment[] = [];
  for (const segment of order) {
    const last = whole.at(-1);
    if (last !== undefined && last.to + 1 === segment.from)
      whole[whole.length - 1] = { ...last, to: segment.to };
    else whole.push(segment);
  }
  return whole;
}
