import { endedRun, endEventOf, inputAfter, verbOf } from "../../core/boundary.ts";
import { checkFence, checkRunOf } from "../../core/fence.ts";
import { type EndRunParams, type EndRunResult, nextRunState, type Run } from "../../core/run.ts";
import { checkParts, runClosed } from "../../core/work-checks.ts";
import { addEntries, type Writer } from "./add-entries.ts";
import { archive } from "./archive.ts";
import { closeRun } from "./close-run.ts";
import type { Connection } from "./connection.ts";
import { findInput } from "./input.ts";
import type { KnownLogs } from "./known-logs.ts";
import { findLane } from "./lane.ts";
import { publish, show } from "./publish.ts";
import { recordAudit } from "./record-audit.ts";
import { addUsage } from "./record-usage.ts";
import { findRun } from "./run.ts";
import { partsOf, type StagedLog, stagedLogs } from "./tail.ts";

/** Ends or holds a run without a commit of its own making, inside the caller's transaction. */
export function endRun(
  connection: Connection,
  known: KnownLogs,
  params: EndRunParams,
  now: number,
): EndRunResult {
  const { session: key, as, actor, reason } = params;
  const stored = findRun(connection, params.run);
  const before = checkRunOf(key, params.run, stored?.run);
  const step = nextRunState(before.state, verbOf(as));
  const given = findInput(connection, before.input)!;
  if ("refused" in step && step.refused === "closed") throw runClosed(before);
  if ("refused" in step) return { run: before, input: given, alreadyClosed: true };
  checkFence(key, findLane(connection, key), params, now);
  const staged = stagedLogs(connection, key);
  checkParts(before.id, params.parts, partsOf(staged));

  const writer = { connection, known, now };
  if (step.effects.includes("publish_tail")) publishTail(writer, before, given.provider, params);
  if (step.effects.includes("archive_tail")) archive(connection, staged, before);
  addUsage(connection, key, params.usage ?? []);
  const run = endedRun(before, params, now);
  const event = endEventOf(params);
  const input = step.effects.includes("end_input") ? inputAfter(given, event, { atMs: now, reason })! : given;
  recordAudit(connection, { key, atMs: now, actor, verb: `run_${as}`, run: run.id, reason });
  closeRun(connection, { rowId: stored!.rowId, run }, input, now);
  return { run, input, alreadyClosed: false };
}

// The closers stand behind what was staged, so that all becomes visible in one step.
function publishTail(
  writer: Writer,
  run: Run,
  provider: string,
  { closers = [], fold, resumeToken }: EndRunParams,
): void {
  const { connection, now } = writer;
  const { project, session } = run;
  const log = { project, session, log: "" };
  if (closers.length > 0) addEntries(writer, { log, entries: closers, provider, staged: true });
  const staged: readonly StagedLog[] = stagedLogs(connection, run);
  if (staged.length === 0) return;
  const { id } = connection.get<{ id: number }>(sessionSql, project, session)!;
  show(connection, run, id);
  publish(connection, staged, { key: { project, session }, sessionId: id, now, fold, resumeToken });
}

const sessionSql = "SELECT id FROM session WHERE project = ? AND session = ?";
