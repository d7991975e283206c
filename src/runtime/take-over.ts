import { isHoldfastError } from "../core/errors.ts";
import type { Fence } from "../core/lease.ts";
import type { Run } from "../core/run.ts";
import type { Fold, Store } from "../core/store.ts";
import type { SessionKey } from "../core/ids.ts";
import { type OpenTail, readTail, sessionOf } from "./read-tail.ts";

/** How long a take-over may be silent; it is renewed with every page that it reads. */
export const takeOverMs = 60_000;

/** How often a tail is read again because it changed before it was acted on. */
const maxReads = 3;

/** Makes a session's title and summary of what becomes visible, as its agent does. */
export type FoldOf = (of: { readonly session: SessionKey; readonly provider: string }) => Fold | undefined;

export interface TakeOverParams {
  readonly store: Store;
  readonly run: Run;
  readonly owner: string;
  readonly leaseMs: number;
}

/**
 * Leases the session of an open run, and acts on the run's tail; reads and acts again where the tail changed in between.
 * @throws session_busy, session_dropped, run_unknown, run_closed, tail_mismatch
 */
export async function takeOver<Result>(
  { store, run, owner, leaseMs }: TakeOverParams,
  act: (tail: OpenTail, fence: Fence) => Promise<Result>,
): Promise<Result> {
  const session = sessionOf(run);
  const { epoch } = await store.acquireLease({ session, owner, leaseMs });
  const onPage = (): Promise<unknown> => store.renewLease({ session, epoch, leaseMs });
  try {
    for (let reads = 1; ; reads += 1) {
      const tail = await readTail({ store, run: run.id, onPage });
      try {
        return await act(tail, { epoch });
      } catch (error) {
        if (reads >= maxReads || !isHoldfastError(error) || error.code !== "tail_mismatch") throw error;
      }
    }
  } finally {
    // Ended by the act, as a rule; where it cannot be ended now, it lapses by itself.
    await store.releaseLease({ session, epoch }).catch(() => undefined);
  }
}
