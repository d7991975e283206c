import type { EndRunResult } from "../core/run.ts";
import type { UsageRow } from "../core/usage.ts";
import type { ExecuteParams } from "./execute.ts";
import { foldThatHolds } from "./fold-that-holds.ts";
import { closersOf, readTail } from "./read-tail.ts";

/** Ends a run that did not come to its result: what it has staged is kept, closed so that its provider can go on. */
export async function interruptRun(
  { store, agent, claim }: Pick<ExecuteParams, "store" | "agent" | "claim">,
  ending: Ending,
): Promise<EndRunResult> {
  const { project, session, id } = claim.run;
  const key = { project, session };
  const tail = await readTail({ store, run: id });
  const { as, reason, usage, resumeToken, isPlanned = false } = ending;
  const fold = agent.fold?.(key);
  return await store.endRun({
    session: key,
    run: id,
    epoch: claim.lease.epoch,
    as,
    parts: tail.parts,
    reason,
    actor: claim.lease.owner,
    usage,
    ...(as === "interrupted" ? { closers: closersOf(tail) } : {}),
    ...(isPlanned ? { requeue: "uncounted" as const } : {}),
    ...(fold === undefined ? {} : { fold: foldThatHolds(fold) }),
    ...(resumeToken === undefined ? {} : { resumeToken }),
  });
}

export interface Ending {
  readonly as: "interrupted" | "discarded" | "held";
  readonly reason: string;
  readonly usage: readonly UsageRow[];
  readonly resumeToken: string | undefined;
  /** It was stopped as planned: that is none of the input's tries. */
  readonly isPlanned?: boolean;
}
