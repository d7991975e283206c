import { committedRun, inputAfter, receiptOf } from "../../core/boundary.ts";
import { checkFence, checkRunOf } from "../../core/fence.ts";
import { type CommitParams, type CommitResult, digestLines, nextRunState, type Run } from "../../core/run.ts";
import { checkParts, commitConflict, runClosed } from "../../core/work-checks.ts";
import { addEntries } from "./add-entries.ts";
import { closeRun } from "./close-run.ts";
import type { Connection } from "./connection.ts";
import { sha256 } from "./hash.ts";
import { findInput } from "./input.ts";
import type { KnownLogs } from "./known-logs.ts";
import { findLane } from "./lane.ts";
import { publish, show } from "./publish.ts";
import { recordAudit } from "./record-audit.ts";
import { addUsage } from "./record-usage.ts";
import { findRun } from "./run.ts";
import { sessionIdOf } from "./session-id.ts";
import { partsOf, stagedLogs } from "./tail.ts";

/** Makes a run the truth, inside the caller's transaction. */
export function commit(
  connection: Connection,
  known: KnownLogs,
  params: CommitParams,
  now: number,
): CommitResult {
  const { session: key, outcome, decided, usage = [], fold, closers = [] } = params;
  const stored = findRun(connection, params.run);
  const run = checkRunOf(key, params.run, stored?.run);
  const digest = sha256(digestLines(params.parts, outcome, closers));
  const before = committedBefore(run, digest);
  if (before !== undefined) return before;
  checkFence(key, findLane(connection, key), params, now);
  let staged = stagedLogs(connection, key);
  let parts = partsOf(staged);
  checkParts(run.id, params.parts, parts);

  const input = findInput(connection, run.input)!;
  if (closers.length > 0) {
    const added = { log: { ...key, log: "" }, entries: closers, provider: input.provider, staged: true };
    addEntries({ connection, known, now }, added);
    staged = stagedLogs(connection, key);
    parts = partsOf(staged);
  }
  const sessionId = sessionIdOf(connection, key, { provider: input.provider, atMs: now });
  const { revision, hidden } = connection.get<Publishing>(publishingSql, sessionId)!;
  if (hidden === 1) show(connection, key, sessionId);
  const resumeToken = params.resumeToken;
  publish(connection, staged, { key, sessionId, now, fold, resumeToken, revision: revision + 1 });
  const receipt = receiptOf(run, { parts, digest, revision, atMs: now });
  addUsage(connection, key, usage);
  if (decided !== undefined)
    recordAudit(connection, { key, atMs: now, ...decided, verb: "run_committed", run: run.id });
  const ended = { rowId: stored!.rowId, run: committedRun(run, receipt, outcome) };
  closeRun(connection, ended, inputAfter(input, "commit", { atMs: now })!, now);
  return { receipt, alreadyCommitted: false };
}

function committedBefore(run: Run, digest: string): CommitResult | undefined {
  if (!("refused" in nextRunState(run.state, "commit"))) return undefined;
  const { receipt } = run;
  if (receipt === undefined) throw runClosed(run);
  if (receipt.digest !== digest) throw commitConflict(receipt);
  return { receipt, alreadyCommitted: true };
}

interface Publishing {
  readonly revision: number;
  readonly hidden: number;
}

const publishingSql = "SELECT revision, hidden FROM session WHERE id = ?";
