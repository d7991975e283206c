import { HoldfastError } from "./errors.ts";
import type { LogKey, SessionKey } from "./ids.ts";
import type { SessionsFilter, Tombstone } from "./store.ts";

/** Refuses a page size out of range. @throws invalid_limit */
export function checkLimit(limit: number, max: number): number {
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= max) return limit;
  throw new HoldfastError({
    code: "invalid_limit",
    message: `The limit ${limit} is not between 1 and ${max}.`,
    next: `Ask for 1 to ${max} rows and page with the cursor.`,
    data: { limit, max },
  });
}

/** Refuses a cursor that lies beyond what it points into; it is never clamped. @throws cursor_ahead */
export function checkAfter(after: number, last: number, what: string): void {
  if (Number.isSafeInteger(after) && after >= 0 && after <= last) return;
  throw new HoldfastError({
    code: "cursor_ahead",
    message: `The position ${after} is not in ${what}, which ends at ${last}.`,
    next: "Start again from 0; what you read before may have been dropped.",
    data: { after, last },
  });
}

/** Refuses an append whose caller saw another head. @throws head_conflict */
export function checkHead(expected: number | undefined, head: number, log: LogKey): void {
  if (expected === undefined || expected === head) return;
  throw new HoldfastError({
    code: "head_conflict",
    message: `The log ended at ${head}, not at ${expected}.`,
    next: "Read what came in between, then decide and try again; nothing was written.",
    data: { expected, head, ...log },
  });
}

/** Refuses a write to a dropped session unless it may start anew. @throws session_dropped */
export function checkTombstone(
  tombstone: Pick<Tombstone, "sealed" | "actor"> | undefined,
  key: SessionKey,
  reopen?: "unsealed" | "any",
): void {
  if (tombstone === undefined || reopen === "any" || (reopen === "unsealed" && !tombstone.sealed)) return;
  throw new HoldfastError({
    code: "session_dropped",
    message: `The session ${key.session} was dropped by ${tombstone.actor}.`,
    next: "Use another session id, or import it again with --restore-dropped; nothing was written.",
    data: { ...key },
  });
}

/** Refuses to read a log that was dropped since, also where it began anew. @throws session_dropped */
export function checkSameLog(wanted: string | undefined, found: string | undefined): void {
  if (wanted !== undefined && wanted !== found) throw droppedMeanwhile();
}

/** The error of a reader whose log was dropped between two steps. */
export function droppedMeanwhile(): HoldfastError {
  return new HoldfastError({
    code: "session_dropped",
    message: "The log was dropped while it was being read.",
    next: "Discard what was read.",
  });
}

/** The error for a session that the store does not hold. */
export function unknownSession(key: SessionKey): HoldfastError {
  return new HoldfastError({
    code: "session_unknown",
    message: `There is no session ${key.session} in project ${key.project}.`,
    next: "List the sessions to find its id.",
    data: { ...key },
  });
}

/** The error of every verb after close(). */
export function closedStore(url: string): HoldfastError {
  return new HoldfastError({
    code: "store_closed",
    message: `The store ${url} is closed.`,
    next: "Open it again with openStore().",
  });
}

/** One text for equal filters, which binds a page cursor to its filter. */
export function filterKeyOf(filter: SessionsFilter): string {
  const { project, provider, title, sinceMs, sessionPrefix, resumeKey } = filter;
  return JSON.stringify(
    [project, provider, title?.toLowerCase(), sinceMs, sessionPrefix, resumeKey].map((part) => part ?? null),
  );
}

/** Refuses a write whose caller has given it up. @throws aborted */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedWrite();
}

/** The error of a write that was given up while it still waited. */
export function abortedWrite(): HoldfastError {
  return new HoldfastError({
    code: "aborted",
    message: "The write was given up before its turn came.",
    next: "Nothing was written; make the call again if it is still wanted.",
  });
}

/** The error of a feed that lost a row. */
export function feedHole(seq: number): HoldfastError {
  return new HoldfastError({
    code: "store_corrupt",
    message: `The change feed has no row ${seq}.`,
    next: "Restore a backup; what was committed is still in the logs.",
    data: { seq },
  });
}
