import { committedRun, inputAfter, receiptOf } from "../../core/boundary.ts";
import { checkFence, checkRunOf } from "../../core/fence.ts";
import { type CommitParams, type CommitResult, digestLines, nextRunState, type Run } from "../../core/run.ts";
import { checkParts, commitConflict, runClosed } from "../../core/work-checks.ts";
import { closeRun } from "./close-run.ts";
import { foldTail } from "./fold.ts";
import { sha256 } from "./hash.ts";
import { findLane } from "./lane.ts";
import { publish, show } from "./publish.ts";
import { recordAudit } from "./record-audit.ts";
import { addUsage } from "./record-usage.ts";
import { freshOf, newSession, register, stage } from "./stage.ts";
import { idOf, type State } from "./state.ts";
import { partsOf } from "./tail.ts";

/** Makes a run the truth, in one step. */
export function commit(state: State, params: CommitParams): CommitResult {
  const { session: key, outcome, decided, usage = [], fold, closers = [] } = params;
  const now = state.clock.now();
  const run = checkRunOf(key, params.run, state.runs.get(params.run)?.value);
  const digest = sha256(digestLines(params.parts, outcome, closers));
  const before = committedBefore(run, digest);
  if (before !== undefined) return before;
  checkFence(key, findLane(state, key)?.lease, params, now);
  checkParts(run.id, params.parts, partsOf(state, key));
  const input = state.inputs.get(run.input)!.value;
  const session = state.sessions.get(idOf(key)) ?? newSession(state, key, input.provider, now);
  const fresh = freshOf(session.logs.get(""), closers);
  const folded = foldTail(session, { closers: fresh, fold });

  register(state, session);
  Object.assign(session, folded);
  stage(state, session, { log: "", fresh, now });
  const parts = partsOf(state, key);
  for (const { log } of parts) publish(state, session, log, now);
  const receipt = receiptOf(run, { parts, digest, revision: session.revision, atMs: now });
  show(state, session, () => (session.revision = receipt.revision));
  session.resumeToken = params.resumeToken ?? session.resumeToken;
  addUsage(state, key, usage);
  if (decided !== undefined)
    recordAudit(state, { key, atMs: now, ...decided, verb: "run_committed", run: run.id });
  closeRun(state, committedRun(run, receipt, outcome), inputAfter(input, "commit", { atMs: now })!, now);
  return { receipt: { ...receipt }, alreadyCommitted: false };
}

function committedBefore(run: Run, digest: string): CommitResult | undefined {
  if (!("refused" in nextRunState(run.state, "commit"))) return undefined;
  const { receipt } = run;
  if (receipt === undefined) throw runClosed(run);
  if (receipt.digest !== digest) throw commitConflict(receipt);
  return { receipt: { ...receipt }, alreadyCommitted: true };
}
