import { type Fence, type Lease, leaseLost, sessionBusy } from "./lease.ts";
import type { SessionKey } from "./ids.ts";
import type { Run } from "./run.ts";
import { runClosed, runUnknown } from "./work-checks.ts";

/** A session's lease as a store keeps it: without an owner it has ended. */
export interface LeaseRow {
  readonly epoch: number;
  readonly owner: string | null;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** The lease that a row stands for, or null where none is live at this time. */
export function liveLease(
  { project, session }: SessionKey,
  row: LeaseRow | undefined,
  now: number,
): Lease | null {
  if (row === undefined || row.owner === null || row.untilMs <= now) return null;
  const { epoch, owner, sinceMs, untilMs } = row;
  return { project, session, epoch, owner, sinceMs, untilMs };
}

/** Refuses a write whose lease is not live, and gives that lease. @throws lease_lost */
export function checkFence(key: SessionKey, row: LeaseRow | undefined, { epoch }: Fence, now: number): Lease {
  const live = liveLease(key, row, now);
  if (live?.epoch !== epoch) throw leaseLost(key, epoch);
  return live;
}

/** Refuses to stage for a run that is not the session's own, running, and begun under this lease. @throws run_unknown, run_closed */
export function checkStaging(key: SessionKey, id: string, found: Run | undefined, { epoch }: Fence): Run {
  const run = checkRunOf(key, id, found);
  if (run.state !== "running" || run.epoch !== epoch) throw runClosed(run);
  return run;
}

/** Refuses a run that has ended. @throws run_unknown, run_closed */
export function checkOpenRun(key: SessionKey, id: string, found: Run | undefined): Run {
  const run = checkRunOf(key, id, found);
  if (run.state !== "running" && run.state !== "held") throw runClosed(run);
  return run;
}

/** Refuses a run of another session. @throws run_unknown */
export function checkRunOf({ project, session }: SessionKey, id: string, found: Run | undefined): Run {
  if (found?.project !== project || found.session !== session) throw runUnknown(id);
  return found;
}

/** The error of whoever would write behind what an open run has staged. */
export function stagedBy(
  { project, session, worker, startedAtMs }: Pick<Run, keyof SessionKey | "worker" | "startedAtMs">,
  lease: LeaseRow | undefined,
): Error {
  const untilMs = lease === undefined || lease.owner === null ? startedAtMs : lease.untilMs;
  return sessionBusy({ project, session, owner: worker, sinceMs: startedAtMs, untilMs });
}
