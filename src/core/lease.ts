import { HoldfastError } from "./errors.ts";
import type { SessionKey } from "./ids.ts";

/** The exclusive right to write a session, until it is released, cleared or not renewed in time by the store's clock. */
export interface Lease extends SessionKey {
  /** The fencing token: grows with every lease of the session, also over a drop, and is never given twice. */
  readonly epoch: number;
  /** Who holds it, unique per worker process, for people to read. */
  readonly owner: string;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** What a fenced write carries: it is refused with `lease_lost` unless this epoch is the session's and has not run out. */
export interface Fence {
  readonly epoch: number;
}

export interface AcquireLeaseParams {
  readonly session: SessionKey;
  readonly owner: string;
  readonly leaseMs: number;
}

export interface RenewLeaseParams extends Fence {
  readonly session: SessionKey;
  readonly leaseMs: number;
}

export interface ReleaseLeaseParams extends Fence {
  readonly session: SessionKey;
}

/** An operator's way to end a lease whose holder hangs. */
export interface ClearLeaseParams {
  readonly session: SessionKey;
  readonly actor: string;
  readonly reason?: string;
}

export interface ClearLeaseResult {
  /** The lease that was ended, or null where none was live. */
  readonly cleared: Lease | null;
  /** The session's epoch now: every older one is refused. */
  readonly epoch: number;
}

/** Refuses a lease whose time is no whole number of ms from 1 to a day, or whose owner has no name. @throws invalid_lease */
export function checkLease({ owner, leaseMs }: { readonly owner?: string; readonly leaseMs: number }): void {
  const fault =
    owner === ""
      ? "has an owner without a name"
      : Number.isSafeInteger(leaseMs) && leaseMs >= 1 && leaseMs <= dayMs
        ? undefined
        : `lasts ${leaseMs} ms`;
  if (fault === undefined) return;
  throw new HoldfastError({
    code: "invalid_lease",
    message: `The lease ${fault}.`,
    next: "Name an owner, and a time of 1 ms to a day.",
    data: { owner, leaseMs },
  });
}

/** The error of whoever wants a session that another one writes. */
export function sessionBusy({
  project,
  session,
  owner,
  sinceMs,
  untilMs,
}: Omit<Lease, "epoch">): HoldfastError {
  return new HoldfastError({
    code: "session_busy",
    message: `The session ${session} is written by ${owner} since ${isoOf(sinceMs)}, until ${isoOf(untilMs)} or longer.`,
    next: "Wait for it, or end it with `holdfast sessions clear` if it hangs.",
    data: { project, session, owner, sinceMs, untilMs },
    retryable: true,
  });
}

/** The error of a holder whose lease ended: it may not write any more. */
export function leaseLost({ project, session }: SessionKey, epoch: number): HoldfastError {
  return new HoldfastError({
    code: "lease_lost",
    message: `The lease ${epoch} of session ${session} has ended.`,
    next: "Stop, and open the session anew; nothing was written.",
    data: { project, session, epoch },
  });
}

const dayMs = 86_400_000;

function isoOf(atMs: number): string {
  return new Date(atMs).toISOString();
}
