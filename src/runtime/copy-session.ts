import { isHoldfastError } from "../core/errors.ts";
import type { Holding } from "../core/holdings.ts";
import { isOwnLog, type LogKey, type SessionKey } from "../core/ids.ts";
import type { LogRow, SessionRow } from "../core/store.ts";
import type { Stores } from "./compare-session.ts";
import { copyEntries, isPrefix } from "./copy-log.ts";
import { holdingsOf } from "./session-keys.ts";

/** How to copy, and whom to tell what was done. */
export interface CopyContext extends Stores {
  /** Looks at the last entry of what the target has, and not at all of it. */
  readonly quick: boolean;
  readonly signal: AbortSignal | undefined;
  readonly tell: (done: Partial<CopyCounts>) => void;
}

/** What a copy has written. */
export interface CopyCounts {
  readonly entries: number;
  /** UTF-16 length of the bodies, in all logs and in those that are not Holdfast's own. */
  readonly length: number;
  readonly transcriptLength: number;
  readonly blobs: number;
  readonly dropped: number;
}

/** What the source's feed said of a session: it began anew since, as a whole or in these logs. */
export interface SeenDrops {
  readonly session: boolean;
  readonly logs: ReadonlySet<string>;
}

/**
 * Makes the target hold all of a session that the source holds. What is there already stays if it is the beginning of
 * what the source has; else nothing of it is touched, and the reason is given.
 */
export async function copySession(
  context: CopyContext,
  key: SessionKey,
  seen: SeenDrops = noDrops,
): Promise<string | undefined> {
  for (let left = triesLeft; ; left -= 1) {
    try {
      return await copyOnce(context, key, seen);
    } catch (error) {
      // Someone wrote or dropped it in between: the next try sees what is there now.
      if (!isHoldfastError(error) || !passing.has(error.code)) throw error;
      if (left === 0) return error.message;
    }
  }
}

const noDrops: SeenDrops = { session: false, logs: new Set() };
const triesLeft = 2;
const passing: ReadonlySet<string> = new Set([
  "head_conflict",
  "session_dropped",
  "cursor_ahead",
  "session_busy",
]);

async function copyOnce(context: CopyContext, key: SessionKey, seen: SeenDrops): Promise<string | undefined> {
  const { from, to } = context;
  await copyTombstone(context, key);
  const [row, buried] = await Promise.all([from.session(key), to.tombstone(key)]);
  if (buried !== null && !mayReopen(buried, row, await from.tombstone(key), seen))
    return `It was dropped at the target by ${buried.actor}, and is not brought back.`;
  const plan = await planOf(context, key, seen);
  if (plan === undefined) return await copyAfterDrop(context, key, seen);
  if (typeof plan === "string") return plan;
  if (buried === null) await copyBlobs(context, key);
  const reopen = seen.session ? "any" : "unsealed";
  for (const step of plan)
    await copyEntries(context, {
      ...step,
      provider: row?.provider ?? "unknown",
      reopen,
      signal: context.signal,
      onPiece: (piece) => tellPiece(context, step.log, piece),
    });
  if (buried !== null && row !== null) await copyBlobs(context, key);
  await copyHoldings(context, key);
  return undefined;
}

async function copyTombstone({ from, to, tell }: CopyContext, session: SessionKey): Promise<void> {
  const tombstone = await from.tombstone(session);
  if (tombstone === null) return;
  const { adopted } = await to.adopt({ session, holdings: [{ kind: "tombstone", tombstone }] });
  tell({ dropped: adopted });
}

/** A session begins anew only behind its own tombstone: what was dropped at the target stays so. */
function mayReopen(
  buried: { readonly droppedAtMs: number; readonly sealed: boolean },
  row: SessionRow | null,
  tombstone: { readonly droppedAtMs: number } | null,
  seen: SeenDrops,
): boolean {
  if (seen.session || tombstone?.droppedAtMs === buried.droppedAtMs) return true;
  return row !== null && !buried.sealed && buried.droppedAtMs <= row.createdAtMs;
}

interface PlannedLog {
  readonly log: LogKey;
  readonly after: number;
  readonly until: number;
}

/** What to append where; a text where the target has something else, and undefined where the source began anew. */
async function planOf(
  context: CopyContext,
  key: SessionKey,
  seen: SeenDrops,
): Promise<readonly PlannedLog[] | string | undefined> {
  const { from, to, quick } = context;
  const [ours, theirs] = await Promise.all([from.logs(key), to.logs(key)]);
  const there = new Map(theirs.map((row) => [row.log, row.committed]));
  const foreign = new Set(there.keys());
  const plan: PlannedLog[] = [];
  for (const { log: name, committed: until } of ours.toSorted(transcriptsFirst)) {
    context.signal?.throwIfAborted();
    const log = { ...key, log: name };
    const head = there.get(name) ?? 0;
    if (
      !(await isPrefix(
        { from, to },
        { log, head, length: until, quick: quick && !seen.session && !seen.logs.has(name) },
      ))
    )
      continue;
    foreign.delete(name);
    plan.push({ log, after: head, until });
  }
  if (foreign.size === 0) return plan;
  if (seen.session) return undefined;
  for (const name of foreign) if (!seen.logs.has(name)) return foreignText(name);
  for (const log of foreign) await to.drop({ session: key, log, actor: copyActor });
  return await planOf(context, key, { ...seen, logs: new Set() });
}

// The one by which a session begins comes first; Holdfast's own tell nothing of when it did.
function transcriptsFirst(a: LogRow, b: LogRow): number {
  return Number(isOwnLog(a.log)) - Number(isOwnLog(b.log)) || a.createdAtMs - b.createdAtMs;
}

function foreignText(log: string): string {
  const name = log === "" ? "the main log" : `log ${log}`;
  return `At the target ${name} is not the beginning of what is here: the session was left alone.`;
}

async function copyAfterDrop(
  context: CopyContext,
  session: SessionKey,
  seen: SeenDrops,
): Promise<string | undefined> {
  const reason = "It was dropped where it is copied from, and began anew.";
  await context.to.drop({ session, actor: copyActor, reason, sealed: false });
  context.tell({ dropped: 1 });
  return await copyOnce(context, session, seen);
}

const copyActor = "holdfast copy";

function tellPiece(
  { tell }: CopyContext,
  { log }: LogKey,
  piece: readonly { readonly body: string }[],
): void {
  const length = piece.reduce((sum, { body }) => sum + body.length, 0);
  tell({ entries: piece.length, length, transcriptLength: isOwnLog(log) ? 0 : length });
}

/** Before the entries that name them. */
async function copyBlobs({ from, to, signal, tell }: CopyContext, session: SessionKey): Promise<void> {
  const there = new Set<string>();
  for await (const blob of blobsOf(to, session)) there.add(blob);
  for await (const blob of blobsOf(from, session)) {
    signal?.throwIfAborted();
    const bytes = there.has(blob) ? null : await from.getBlob({ blob });
    if (bytes === null) continue;
    await to.putBlob({ session, bytes });
    tell({ blobs: 1 });
  }
}

async function* blobsOf(store: Stores["from"], session: SessionKey): AsyncGenerator<string> {
  for await (const page of holdingsOf(store, session)) {
    for (const holding of page) if (holding.kind === "blob") yield holding.blob;
    // Blobs come first.
    if (page.some(isListedBehindBlobs)) return;
  }
}

function isListedBehindBlobs({ kind }: Holding): boolean {
  return kind === "input" || kind === "usage" || kind === "audit";
}

/** After the entries: a row's summary is of those that are there. */
async function copyHoldings({ from, to }: CopyContext, session: SessionKey): Promise<void> {
  for await (const page of holdingsOf(from, session)) {
    const holdings = page.filter(({ kind }) => kind !== "blob" && kind !== "tombstone");
    if (holdings.length > 0) await to.adopt({ session, holdings });
  }
}
