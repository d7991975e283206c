import { committedRun, inputAfter, receiptOf } from "../../core/boundary.ts";
import { checkFence } from "../../core/fence.ts";
import { leaseLost } from "../../core/lease.ts";
import { type CommitParams, type CommitResult, digestLines, nextRunState, type Run } from "../../core/run.ts";
import { checkParts, commitConflict, runClosed } from "../../core/work-checks.ts";
import { addEntries } from "./add-entries.ts";
import type { Query } from "./client.ts";
import { closeRun } from "./close-run.ts";
import { isCollision } from "./errors.ts";
import { sha256 } from "./hash.ts";
import { inSession, type LockedSession, type Writer } from "./in-session.ts";
import type { KnownLogs } from "./known-logs.ts";
import { published } from "./publish.ts";
import { readFacts } from "./run-facts.ts";
import { ensureSession } from "./session-of.ts";
import { partsOf } from "./tail.ts";

/** Makes a run the truth: in two round trips where nobody else writes the session meanwhile. */
export async function commit(writer: Writer, known: KnownLogs, params: CommitParams): Promise<CommitResult> {
  const { client, now } = writer;
  const {
    session: { project, session },
    closers = [],
  } = params;
  const free = { read: client.query, write: client.write, now: now() };
  // Closers are added to a log under its lock.
  for (let attempt = 1; attempt <= maxAttempts && closers.length === 0; attempt += 1) {
    try {
      const result = await commitOnce(free, params);
      if (result !== undefined) return result;
    } catch (error) {
      if (!isCollision(error)) throw error;
    }
  }
  return inSession(writer, { project, session }, async (locked) => {
    const { query: read } = locked;
    const result = await commitOnce(
      { read, write: read, now: now(), locked: { session: locked, known } },
      params,
    );
    // Nobody else writes the session now, so that only the lease can have run out meanwhile.
    if (result === undefined) throw leaseLost(params.session, params.epoch);
    return result;
  });
}

interface Attempt {
  readonly read: Query;
  readonly write: Query;
  readonly now: number | null;
  readonly locked?: { readonly session: LockedSession; readonly known: KnownLogs };
}

/** Undefined, with nothing written, where what was read does not hold any more. */
async function commitOnce(
  { read, write, now, locked }: Attempt,
  params: CommitParams,
): Promise<CommitResult | undefined> {
  const { session: key, epoch, outcome, decided, resumeToken, usage = [], fold, closers = [] } = params;
  const asked = { key, run: params.run, now, entries: fold !== undefined };
  const first = await readFacts(read, asked);
  if (first === undefined) return undefined;
  const { run, now: atMs } = first;
  const digest = sha256(digestLines(params.parts, outcome, closers));
  const before = committedBefore(run, digest);
  if (before !== undefined) return before;
  checkFence(key, first.lease, params, atMs);
  checkParts(run.id, params.parts, partsOf(first.staged));

  const { provider } = first.input;
  // A run that has staged nothing may be the session's first.
  if (first.session === null && locked === undefined) return undefined;
  if (first.session === null) await ensureSession(locked!.session, { provider, atMs });
  if (closers.length > 0) {
    const added = { log: { ...key, log: "" }, entries: closers, provider, staged: true };
    await addEntries(locked!.session, locked!.known, added);
  }
  const facts = closers.length > 0 ? (await readFacts(read, asked))! : first;
  const { version, staged } = facts;
  const { revision, hidden: wasHidden } = facts.session ?? { revision: 0, hidden: true };
  const receipt = receiptOf(run, { parts: partsOf(staged), digest, revision, atMs });
  const publish = { ...published(facts, fold), staged, wasHidden, revision: receipt.revision, resumeToken };
  const written = await closeRun(write, {
    epoch,
    version,
    now,
    atMs,
    run: committedRun(run, receipt, outcome),
    input: inputAfter(facts.input, "commit", { atMs })!,
    publish,
    usage,
    audit: decided && { ...decided, verb: "run_committed" },
  });
  return written ? { receipt, alreadyCommitted: false } : undefined;
}

function committedBefore(run: Run, digest: string): CommitResult | undefined {
  if (!("refused" in nextRunState(run.state, "commit"))) return undefined;
  const { receipt } = run;
  if (receipt === undefined) throw runClosed(run);
  if (receipt.digest !== digest) throw commitConflict(receipt);
  return { receipt, alreadyCommitted: true };
}

const maxAttempts = 3;
