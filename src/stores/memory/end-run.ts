import { endedRun, endEventOf, inputAfter, verbOf } from "../../core/boundary.ts";
import { checkFence, checkRunOf } from "../../core/fence.ts";
import type { Input } from "../../core/input.ts";
import {
  discardedLog,
  type EndRunParams,
  type EndRunResult,
  nextRunState,
  type Run,
} from "../../core/run.ts";
import { checkParts, runClosed } from "../../core/work-checks.ts";
import { closeRun } from "./close-run.ts";
import { foldTail } from "./fold.ts";
import { findLane } from "./lane.ts";
import { publish, show } from "./publish.ts";
import { recordAudit } from "./record-audit.ts";
import { addUsage } from "./record-usage.ts";
import { copyOfRun } from "./run.ts";
import { freshOf, newSession, register, stage } from "./stage.ts";
import { idOf, type State, type StoredLog, type StoredSession } from "./state.ts";
import { partsOf } from "./tail.ts";

/** Ends or holds a run without a commit of its own making, in one step. */
export function endRun(state: State, params: EndRunParams): EndRunResult {
  const { session: key, as, actor, reason } = params;
  const now = state.clock.now();
  const before = checkRunOf(key, params.run, state.runs.get(params.run)?.value);
  const step = nextRunState(before.state, verbOf(as));
  const given = state.inputs.get(before.input)!.value;
  if ("refused" in step && step.refused === "closed") throw runClosed(before);
  if ("refused" in step) return { run: copyOfRun(before), input: { ...given }, alreadyClosed: true };
  checkFence(key, findLane(state, key)?.lease, params, now);
  checkParts(before.id, params.parts, partsOf(state, key));

  if (step.effects.includes("publish_tail")) publishTail(state, before, params, now);
  if (step.effects.includes("archive_tail")) archiveTail(state, before);
  addUsage(state, key, params.usage ?? []);
  const run = endedRun(before, params, now);
  const input = step.effects.includes("end_input") ? endedInput(given, params, now) : given;
  recordAudit(state, { key, atMs: now, verb: `run_${as}`, actor, run: run.id, reason });
  closeRun(state, run, input, now);
  return { run: copyOfRun(run), input: { ...input }, alreadyClosed: false };
}

function publishTail(
  state: State,
  run: Run,
  { closers = [], fold, resumeToken }: EndRunParams,
  now: number,
): void {
  const found = state.sessions.get(idOf(run));
  const fresh = freshOf(found?.logs.get(""), closers);
  if (found === undefined && fresh.length === 0) return;
  const session = found ?? newSession(state, run, state.inputs.get(run.input)!.value.provider, now);
  // The fold may throw, so it comes before the first change.
  const folded = foldTail(session, { closers: fresh, fold });
  register(state, session);
  Object.assign(session, folded);
  stage(state, session, { log: "", fresh, now });
  if (session.staged.size > 0) show(state, session, () => undefined);
  for (const name of [...session.staged].toSorted()) publish(state, session, name, now);
  session.resumeToken = resumeToken ?? session.resumeToken;
}

function archiveTail(state: State, run: Run): void {
  const session = state.sessions.get(idOf(run));
  if (session === undefined || session.staged.size === 0) return;
  for (const name of session.staged) archive(state, session, name, discardedLog(run.id, name));
  session.staged.clear();
}

function archive(state: State, session: StoredSession, name: string, to: string): void {
  const log = session.logs.get(name)!;
  const moved = log.entries.splice(log.committed).map((entry, index) => ({ ...entry, seq: index + 1 }));
  const uuids = moved.flatMap(({ uuid }) => (uuid === undefined ? [] : [uuid]));
  for (const uuid of uuids) log.uuids.delete(uuid);
  if (log.entries.length === 0) session.logs.delete(name);
  const kept: StoredLog = {
    id: String((state.lastLogId += 1)),
    entries: moved,
    uuids: new Set(uuids),
    createdAtMs: moved[0]!.atMs,
    committed: moved.length,
    length: moved.reduce((total, { body }) => total + body.length, 0),
  };
  session.logs.set(to, kept);
}

function endedInput(input: Input, params: EndRunParams, atMs: number): Input {
  return inputAfter(input, endEventOf(params), { atMs, reason: params.reason })!;
}
