import type { Entry } from "../core/entry.ts";
import type { LogKey } from "../core/ids.ts";
import type { AppendParams, Store } from "../core/store.ts";
import type { Stores } from "./compare-session.ts";
import { digestLog } from "./log-digest.ts";

/** Whether the target's log is the beginning of the source's. */
export async function isPrefix(
  { from, to }: Stores,
  { log, head, length, quick }: PrefixParams,
): Promise<boolean> {
  if (head > length) return false;
  if (head === 0) return true;
  if (quick) return await isSameEntry({ from, to }, log, head);
  const [ours, theirs] = await Promise.all([
    digestLog(from, log, { entries: head, mark: 0 }),
    digestLog(to, log, { entries: head, mark: 0 }),
  ]);
  return ours.whole.sha256 === theirs.whole.sha256;
}

export interface PrefixParams {
  readonly log: LogKey;
  /** Of the target's log; that of the source has `length` entries. */
  readonly head: number;
  readonly length: number;
  /** Looks at the target's last entry alone. */
  readonly quick: boolean;
}

/**
 * Appends the source's entries from `after` up to `until` to the target: each piece is one append, refused where the
 * target's head is not the one expected, and the next piece is read while it is written.
 * @throws head_conflict, session_dropped, cursor_ahead, aborted by the signal
 */
export async function copyEntries({ from, to }: Stores, params: CopyEntriesParams): Promise<void> {
  const { log, after, until, provider, reopen, signal, onPiece } = params;
  const pieces = piecesOf(from, log, after, until);
  let next = pieces.next();
  for (let head = after; ;) {
    const { value: piece, done } = await next;
    if (done === true) return;
    signal?.throwIfAborted();
    const entries = piece.map(({ body, uuid, atMs }) => ({ body, uuid, atMs }));
    const write = to.append({ log, entries, expectHead: head, provider, reopen });
    next = pieces.next();
    // It is awaited in the next round, if there is one.
    next.catch(() => undefined);
    await write;
    head += entries.length;
    onPiece(piece);
  }
}

export interface CopyEntriesParams extends Required<Pick<AppendParams, "provider" | "reopen">> {
  readonly log: LogKey;
  readonly after: number;
  readonly until: number;
  readonly signal: AbortSignal | undefined;
  readonly onPiece: (piece: readonly Entry[]) => void;
}

async function isSameEntry({ from, to }: Stores, log: LogKey, seq: number): Promise<boolean> {
  const [ours, theirs] = await Promise.all(
    [from, to].map(async (store) => (await store.read({ log, after: seq - 1, limit: 1 })).entries[0]),
  );
  return JSON.stringify([ours?.body, ours?.uuid]) === JSON.stringify([theirs?.body, theirs?.uuid]);
}

/** Pieces of about the length that one append should have; a page is as long as the entries so far make good. */
async function* piecesOf(
  store: Store,
  log: LogKey,
  after: number,
  until: number,
): AsyncGenerator<readonly Entry[]> {
  let [piece, length, id, limit]: [Entry[], number, string | undefined, number] = [
    [],
    0,
    undefined,
    firstLimit,
  ];
  for (let seq = after; seq < until;) {
    const own = id === undefined ? {} : { id };
    const page = await store.read({ log, after: seq, limit: Math.min(limit, until - seq), ...own });
    if (page.entries.length === 0) break;
    id = page.id;
    const pageLength = page.entries.reduce((sum, { body }) => sum + body.length, 0);
    for (const entry of page.entries) piece.push(entry);
    length += pageLength;
    seq += page.entries.length;
    limit = clamp((page.entries.length * pageTarget) / Math.max(1, pageLength));
    if (length < pieceTarget && seq < until) continue;
    yield piece;
    [piece, length] = [[], 0];
  }
  if (piece.length > 0) yield piece;
}

// An entry may have 16 MB: a page grows slowly from one that is affordable of any.
const firstLimit = 64;
const pageTarget = 1 << 20;
const pieceTarget = 1 << 21;

function clamp(limit: number): number {
  return Math.max(1, Math.min(1000, Math.floor(limit)));
}
