import { checkHead, checkSignal, checkTombstone } from "../../core/checks.ts";
import { lengthOf } from "../../core/entry.ts";
import { checkFence, checkStaging, stagedBy } from "../../core/fence.ts";
import { isOwnLog } from "../../core/ids.ts";
import { leaseLost } from "../../core/lease.ts";
import type { Run } from "../../core/run.ts";
import type { AppendParams, AppendResult } from "../../core/store.ts";
import { type Added, addEntries, findLog } from "./add-entries.ts";
import { appendKnown } from "./append-known.ts";
import { foldInto, type FoldRow } from "./fold.ts";
import { findInput } from "./input.ts";
import { inSession, type LockedSession, type Writer } from "./in-session.ts";
import type { KnownLogs } from "./known-logs.ts";
import type { Learned } from "./known-sessions.ts";
import { show } from "./publish.ts";
import { recordChange } from "./record-change.ts";
import { findRun } from "./run.ts";
import { findTombstone } from "./tombstone.ts";
import { updatedSql } from "./updated.ts";

/** Appends a batch: on what is known where that is enough, else under the session's lock. */
export async function append(writer: Writer, known: KnownLogs, params: AppendParams): Promise<Appending> {
  try {
    const done = await appendKnown(writer, known, params);
    if (done === undefined) return { result: await appendLocked(writer, known, params), isHeard: true };
    const { isHeard, ...result } = done;
    return { result, isHeard };
  } catch (error) {
    known.sessions.forget(params.log);
    throw error;
  }
}

interface Appending {
  readonly result: AppendResult;
  /** Whether another process may listen. */
  readonly isHeard: boolean;
}

async function appendLocked(writer: Writer, known: KnownLogs, params: AppendParams): Promise<AppendResult> {
  const { project, session } = params.log;
  const { result, learned } = await inSession(writer, { project, session }, (locked) =>
    addUnderLock(locked, known, params),
  );
  if (learned === undefined) known.sessions.forget(params.log);
  else {
    const { added, ...rest } = learned;
    known.sessions.learn(params.log, rest);
    if (added !== undefined)
      known.advance(
        added,
        added.to,
        added.fresh.flatMap(({ uuid }) => uuid ?? []),
      );
  }
  return result;
}

interface Appended {
  readonly result: AppendResult;
  /** What may be known once this is committed. */
  readonly learned?: Learned & { readonly added?: Added };
}

/** All rules are checked here, and nothing of what is read can change before the end of the transaction. */
async function addUnderLock(
  session: LockedSession,
  known: KnownLogs,
  params: AppendParams,
): Promise<Appended> {
  const { log: key, entries, expectHead } = params;
  const { version } = session.lane;
  checkSignal(params.signal);
  const [found, tombstone] = await Promise.all([findLog(session, key), findTombstone(session.query, key)]);
  if (found === null) checkTombstone(tombstone, key, params.reopen);
  const run = await checkWriter(session, params);
  const { head, committed } = found ?? { head: 0, committed: 0 };
  if (run === undefined && head > committed) throw await stagedByOpenRun(session);
  checkHead(expectHead, head, key);
  const nothing = {
    result: { from: head + 1, to: head, appended: 0, duplicates: entries.length, committed },
    ...(found === null ? {} : { learned: { version, log: found } }),
  };
  if (entries.length === 0) return nothing;

  const staged = run !== undefined;
  const provider = params.provider ?? (await providerOf(session, run));
  const added = await addEntries(session, known, { log: key, entries, provider, staged, found });
  const { logId: id, cuts, to, atMs, fresh } = added;
  if (fresh.length === 0) return nothing;
  const fold = staged ? undefined : await makeVisible(session, params, added);
  const log = { id, head: to, committed: staged ? committed : to, cuts, atMs };
  const counts = { appended: fresh.length, duplicates: entries.length - fresh.length };
  return {
    result: { from: head + 1, to, ...counts, committed: log.committed },
    learned: { version, log, fold, added },
  };
}

async function checkWriter(
  { query, lane, now }: LockedSession,
  { log, fence, run: id }: AppendParams,
): Promise<Run | undefined> {
  if (fence !== undefined) checkFence(log, lane, fence, now);
  if (id === undefined) return undefined;
  if (fence === undefined) throw leaseLost(log, 0);
  return checkStaging(log, id, await findRun(query, id), fence);
}

async function stagedByOpenRun({ query, lane }: LockedSession): Promise<Error> {
  return stagedBy((await findRun(query, lane.openRun!))!, lane);
}

async function providerOf({ query, key }: LockedSession, run: Run | undefined): Promise<string> {
  return (run && (await findInput(query, key, run.input))?.provider) ?? "unknown";
}

async function makeVisible(
  session: LockedSession,
  { log: key, fold }: AppendParams,
  added: Added,
): Promise<FoldRow | undefined> {
  const { query, now } = session;
  const { head, to, fresh, atMs, isFirst } = added;
  const { project, session: name, log } = key;
  const mainHead = log === "" ? to : null;
  const isCounted = !isOwnLog(log);
  const [row] = await Promise.all([
    mainHead !== null && fold !== undefined
      ? foldInto(session, { head, to, appended: fresh, fold })
      : undefined,
    isFirst && isCounted && show(session),
    isCounted && query(countSql, project, name, fresh.length, lengthOf(fresh), atMs, mainHead),
    recordChange(query, { key, atMs: now, kind: "appended", log, from: head + 1, to }),
  ]);
  return row;
}

const countSql = `
  UPDATE hf.session SET entries = entries + $3, length = length + $4, ${updatedSql("greatest(updated_at_ms, $5)")},
    main_head = coalesce($6, main_head) WHERE project = $1 AND session = $2`;
