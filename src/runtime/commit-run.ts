import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { CommitParams, Receipt } from "../core/run.ts";
import type { ExecuteParams } from "./execute.ts";
import { foldThatHolds } from "./fold-that-holds.ts";

/** What a boundary publishes, but for whose it is. */
export interface Boundary extends Pick<CommitParams, "parts" | "outcome"> {
  readonly usage: NonNullable<CommitParams["usage"]>;
  readonly resumeToken: string | undefined;
}

/**
 * Commits a run, and asks again with the same request where the answer did not come.
 * @throws lease_lost, run_closed, tail_mismatch: nothing is visible; outcome_unknown: look the input up by its key
 */
export async function commitRun(
  {
    store,
    agent,
    claim,
    timers,
    signal,
  }: Pick<ExecuteParams, "store" | "agent" | "claim" | "timers" | "signal">,
  { resumeToken, ...boundary }: Boundary,
): Promise<Receipt> {
  const { project, session, id } = claim.run;
  const key = { project, session };
  const fold = agent.fold?.(key);
  const params: CommitParams = {
    session: key,
    run: id,
    epoch: claim.lease.epoch,
    ...boundary,
    ...(fold === undefined ? {} : { fold: foldThatHolds(fold) }),
    ...(resumeToken === undefined ? {} : { resumeToken }),
  };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await store.commit(params)).receipt;
    } catch (error) {
      if (isHoldfastError(error) && !error.retryable) throw error;
      if (attempt === maxAttempts) throw outcomeUnknown(claim.input, error);
      await timers.wait(50 * attempt, signal);
    }
  }
}

const maxAttempts = 4;

function outcomeUnknown(
  { key, project, session }: ExecuteParams["claim"]["input"],
  cause: unknown,
): HoldfastError {
  return new HoldfastError({
    code: "outcome_unknown",
    message: "The store did not say whether the run was committed.",
    next: "Look the input up by its key; do not undo or repeat anything before.",
    data: { project, session, key },
    cause,
  });
}
