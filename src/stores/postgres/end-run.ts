import { endedRun, endEventOf, inputAfter, verbOf } from "../../core/boundary.ts";
import { checkFence } from "../../core/fence.ts";
import { leaseLost } from "../../core/lease.ts";
import { type EndRunParams, type EndRunResult, nextRunState } from "../../core/run.ts";
import { checkParts, runClosed } from "../../core/work-checks.ts";
import { addEntries } from "./add-entries.ts";
import { archive } from "./archive.ts";
import { type CloseRunParams, closeRun } from "./close-run.ts";
import type { LockedSession } from "./in-session.ts";
import type { KnownLogs } from "./known-logs.ts";
import { published } from "./publish.ts";
import { readFacts, type RunFacts } from "./run-facts.ts";
import { partsOf } from "./tail.ts";

/** Ends or holds a run without a commit of its own making, inside the caller's transaction. */
export async function endRun(
  session: LockedSession,
  known: KnownLogs,
  params: EndRunParams,
): Promise<EndRunResult> {
  const { query, key, now } = session;
  const { as, actor, reason, epoch, usage = [] } = params;
  const facts = (await readFacts(query, { key, run: params.run, now, entries: false }))!;
  const step = nextRunState(facts.run.state, verbOf(as));
  if ("refused" in step && step.refused === "closed") throw runClosed(facts.run);
  if ("refused" in step) return { run: facts.run, input: facts.input, alreadyClosed: true };
  checkFence(key, facts.lease, params, now);
  checkParts(facts.run.id, params.parts, partsOf(facts.staged));

  const publish = step.effects.includes("publish_tail")
    ? await publishTail(session, known, facts, params)
    : undefined;
  if (step.effects.includes("archive_tail")) await archive(session, facts.staged, facts.run);
  const run = endedRun(facts.run, params, now);
  const ends = step.effects.includes("end_input");
  const input = ends ? inputAfter(facts.input, endEventOf(params), { atMs: now, reason })! : facts.input;
  const audit = { actor, verb: `run_${as}`, reason } as const;
  const { version } = session.lane;
  const close = { epoch, version, now, atMs: now, run, input, publish, usage, audit };
  if (!(await closeRun(query, close))) throw leaseLost(key, epoch);
  return { run, input, alreadyClosed: false };
}

// The closers stand behind what was staged, so that all becomes visible in one step.
async function publishTail(
  session: LockedSession,
  known: KnownLogs,
  facts: RunFacts,
  { closers = [], fold, resumeToken }: EndRunParams,
): Promise<CloseRunParams["publish"]> {
  const { query, key, now } = session;
  const { run, input } = facts;
  const log = { ...key, log: "" };
  if (closers.length > 0)
    await addEntries(session, known, { log, entries: closers, provider: input.provider, staged: true });
  const full = (await readFacts(query, { key, run: run.id, now, entries: fold !== undefined }))!;
  if (full.session === null || full.staged.length === 0) return undefined;
  const { hidden: wasHidden, revision } = full.session;
  return { ...published(full, fold), staged: full.staged, wasHidden, revision, resumeToken };
}
