import { HoldfastError } from "../../core/errors.ts";
import type { Lease } from "../../core/lease.ts";
import type { Store } from "../../core/store.ts";

/** Whether an operator ended this lease, or one after it and before `next`. */
export async function wasCleared(store: Store, last: Lease, next: Lease): Promise<boolean> {
  // Each lease and each clearing takes one epoch: between neighbours there was none.
  if (next.epoch === last.epoch + 1) return false;
  const { project, session } = last;
  const rows = await store.audit({ session: { project, session }, limit: 1000 });
  return rows.some(({ verb, atMs }) => verb === "lease_cleared" && atMs >= last.sinceMs);
}

/** The error of a writer whose session another one holds now, which `busy` names. */
export function heldBy({ lease }: { readonly lease: Lease }, busy: HoldfastError): HoldfastError {
  const { owner, sinceMs, untilMs } = busy.data;
  return lost(lease, `is written by ${String(owner)} now`, {
    data: { owner, sinceMs, untilMs },
    cause: busy,
  });
}

/** The error of a writer whose session another one has gone on with, and left. */
export function goneOn(lease: Lease): HoldfastError {
  return lost(lease, "was gone on with by another writer");
}

function lost(
  { project, session, epoch }: Lease,
  how: string,
  { data = {}, cause }: { readonly data?: HoldfastError["data"]; readonly cause?: HoldfastError } = {},
): HoldfastError {
  return new HoldfastError({
    code: "lease_lost",
    message: `The lease ${epoch} of session ${session} has ended, and the session ${how}.`,
    next: "Stop this turn, and resume the session anew; nothing was written.",
    data: { project, session, epoch, ...data },
    cause,
  });
}
