import { checkHead, checkTombstone } from "../../core/checks.ts";
import { checkFence, checkStaging, stagedBy } from "../../core/fence.ts";
import { isOwnLog, type SessionKey } from "../../core/ids.ts";
import { leaseLost } from "../../core/lease.ts";
import type { Run } from "../../core/run.ts";
import type { AppendParams, AppendResult } from "../../core/store.ts";
import { type Added, addEntries, addTo, findLog, type Writer } from "./add-entries.ts";
import type { Connection } from "./connection.ts";
import { foldInto } from "./fold.ts";
import { findInput } from "./input.ts";
import type { KnownLogs } from "./known-logs.ts";
import { findLane } from "./lane.ts";
import { show } from "./publish.ts";
import { recordChange } from "./record-change.ts";
import { allRuns, findRun } from "./run.ts";
import { findTombstone } from "./tombstone.ts";

/** Appends a batch inside the caller's transaction. */
export function append(
  connection: Connection,
  known: KnownLogs,
  params: AppendParams,
  now: number,
): AppendResult {
  const writer = { connection, known, now };
  return appendToRemembered(writer, params) ?? appendToFound(writer, params);
}

/** The common append, without a look at the log: its own update tells whether the log is as this process left it. */
function appendToRemembered(writer: Writer, params: AppendParams): AppendResult | undefined {
  const { log: key, entries, expectHead, fence, run } = params;
  const log = fence === undefined && run === undefined ? writer.known.find(key) : undefined;
  if (log === undefined || log.head > log.committed || entries.length === 0) return undefined;
  if (expectHead !== undefined && expectHead !== log.head) return undefined;
  const added = addTo(writer, log, { log: key, entries, provider: "unknown", staged: false });
  if (added === undefined || added.fresh.length === 0) return undefined;
  makeVisible(writer, params, added);
  return resultOf(params, added, added.to);
}

function appendToFound(writer: Writer, params: AppendParams): AppendResult {
  const { connection, known, now } = writer;
  const { log: key, entries, expectHead } = params;
  const found = findLog(connection, known, key);
  if (found === undefined) checkTombstone(findTombstone(connection, key), key, params.reopen);
  const run = checkWriter(connection, params, now);
  const head = found?.head ?? 0;
  const committed = found?.committed ?? 0;
  if (run === undefined && head > committed) throw stagedByOpenRun(connection, key);
  checkHead(expectHead, head, key);
  const nothing = { from: head + 1, to: head, appended: 0, duplicates: entries.length, committed };
  if (entries.length === 0) return nothing;

  const staged = run !== undefined;
  const provider = params.provider ?? (run && findInput(connection, run.input)?.provider) ?? "unknown";
  const added = addEntries(writer, { log: key, entries, provider, staged, found });
  if (added.fresh.length === 0) return nothing;
  if (!staged) makeVisible(writer, params, added);
  return resultOf(params, added, staged ? committed : added.to);
}

function resultOf({ entries }: AppendParams, { head, to }: Added, committed: number): AppendResult {
  const appended = to - head;
  return { from: head + 1, to, appended, duplicates: entries.length - appended, committed };
}

function checkWriter(
  connection: Connection,
  { log, fence, run: id }: AppendParams,
  now: number,
): Run | undefined {
  if (fence !== undefined) checkFence(log, findLane(connection, log), fence, now);
  if (id === undefined) return undefined;
  if (fence === undefined) throw leaseLost(log, 0);
  return checkStaging(log, id, findRun(connection, id)?.run, fence);
}

function stagedByOpenRun(connection: Connection, key: SessionKey): Error {
  const lane = findLane(connection, key)!;
  return stagedBy(allRuns(connection, "WHERE id = ?", lane.openRun)[0]!.run, lane);
}

function makeVisible(
  { connection, now: atMs }: Writer,
  { log: key, fold }: AppendParams,
  { sessionId, head, to, fresh, length, atMs: newestMs, isFirst }: Added,
): void {
  if (isFirst && !isOwnLog(key.log)) show(connection, key, sessionId);
  const mainHead = key.log === "" ? to : null;
  if (!isOwnLog(key.log)) connection.perform(countSql, fresh.length, length, newestMs, mainHead, sessionId);
  if (mainHead !== null && fold !== undefined)
    foldInto(connection, { sessionId, head, to, appended: fresh, fold });
  recordChange(connection, { key, atMs, kind: "appended", log: key.log, from: head + 1, to });
}

const countSql = `
  UPDATE session SET entries = entries + ?, length = length + ?, updated_at_ms = max(updated_at_ms, ?),
    main_head = coalesce(?, main_head) WHERE id = ?`;
