import { checkHead, checkSignal, checkTombstone } from "../../core/checks.ts";
import { lengthOf } from "../../core/entry.ts";
import { checkFence, checkStaging, stagedBy } from "../../core/fence.ts";
import { isOwnLog } from "../../core/ids.ts";
import { leaseLost } from "../../core/lease.ts";
import type { Run } from "../../core/run.ts";
import type { AppendParams, AppendResult } from "../../core/store.ts";
import { type Added, addEntries, findLog } from "./add-entries.ts";
import { findTombstone } from "./tombstone.ts";
import { foldInto } from "./fold.ts";
import { findInput } from "./input.ts";
import { inSession, type LockedSession, type Writer } from "./in-session.ts";
import type { KnownLogs } from "./known-logs.ts";
import { show } from "./publish.ts";
import { recordChange } from "./record-change.ts";
import { findRun } from "./run.ts";

/** Appends a batch. */
export async function append(writer: Writer, known: KnownLogs, params: AppendParams): Promise<AppendResult> {
  const { project, session, log } = params.log;
  const { result, added } = await inSession(writer, { project, session }, (locked) =>
    appendLocked(locked, known, params),
  );
  if (added !== undefined)
    known.advance(
      { ...added },
      added.to,
      added.fresh.flatMap(({ uuid }) => uuid ?? []),
    );
  return result;
}

interface Appended {
  readonly result: AppendResult;
  readonly added?: Added;
}

/** Under the session's lock all rules are checked, and nothing of what is read here can change before it ends. */
async function appendLocked(
  session: LockedSession,
  known: KnownLogs,
  params: AppendParams,
): Promise<Appended> {
  const { log: key, entries, expectHead } = params;
  checkSignal(params.signal);
  const [found, tombstone] = await Promise.all([findLog(session, key), findTombstone(session.query, key)]);
  if (found === null) checkTombstone(tombstone, key, params.reopen);
  const run = await checkWriter(session, params);
  const { head, committed } = found ?? { head: 0, committed: 0 };
  if (run === undefined && head > committed) throw await stagedByOpenRun(session);
  checkHead(expectHead, head, key);
  const nothing = { from: head + 1, to: head, appended: 0, duplicates: entries.length, committed };
  if (entries.length === 0) return { result: nothing };

  const staged = run !== undefined;
  const provider = params.provider ?? (await providerOf(session, run));
  const added = await addEntries(session, known, { log: key, entries, provider, staged, found });
  const appended = added.fresh.length;
  if (appended === 0) return { result: nothing };
  if (!staged) await makeVisible(session, params, added);
  return {
    added,
    result: {
      from: head + 1,
      to: added.to,
      appended,
      duplicates: entries.length - appended,
      committed: staged ? committed : added.to,
    },
  };
}

async function checkWriter(
  { query, lane, now }: LockedSession,
  { log, fence, run: id }: AppendParams,
): Promise<Run | undefined> {
  if (fence !== undefined) checkFence(log, lane, fence, now);
  if (id === undefined) return undefined;
  if (fence === undefined) throw leaseLost(log, 0);
  return checkStaging(log, id, (await findRun(query, id))?.run, fence);
}

async function stagedByOpenRun({ query, lane }: LockedSession): Promise<Error> {
  return stagedBy((await findRun(query, lane.openRun!))!.run, lane);
}

async function providerOf({ query }: LockedSession, run: Run | undefined): Promise<string> {
  return (run && (await findInput(query, run.input))?.provider) ?? "unknown";
}

async function makeVisible(
  session: LockedSession,
  { log: key, fold }: AppendParams,
  added: Added,
): Promise<void> {
  const { query, now } = session;
  const { head, to, fresh, atMs, isFirst } = added;
  const { project, session: name, log } = key;
  const isMain = log === "";
  const writes = [recordChange(query, { key, atMs: now, kind: "appended", log, from: head + 1, to })];
  if (!isOwnLog(log)) {
    if (isFirst) writes.push(show(session));
    const counted = query(countSql, project, name, fresh.length, lengthOf(fresh), atMs, isMain ? to : null);
    writes.push(counted.then(() => {}));
  }
  if (isMain && fold !== undefined)
    writes.push(foldInto(session, { head, to, appended: fresh, fold }).then(() => {}));
  await Promise.all(writes);
}

const countSql = `
  UPDATE hf.session SET entries = entries + $3, length = length + $4, updated_at_ms = greatest(updated_at_ms, $5),
    main_head = coalesce($6, main_head) WHERE project = $1 AND session = $2`;
