import { closersFor, toolFacts } from "../core/closers.ts";
import { readEvent } from "../core/event.ts";
import { type EndRunResult, eventLog } from "../core/run.ts";
import type { ReadParams } from "../core/store.ts";
import type { UsageRow } from "../core/usage.ts";
import type { ExecuteParams } from "./execute.ts";
import { foldThatHolds } from "./fold-that-holds.ts";
import { readJournal } from "./step-journal.ts";

/** Ends a run that did not come to its result: what it has staged is kept, closed so that its provider can go on. */
export async function interruptRun(
  { store, agent, claim }: Pick<ExecuteParams, "store" | "agent" | "claim">,
  ending: Ending,
): Promise<EndRunResult> {
  const { project, session, id } = claim.run;
  const key = { project, session };
  const { parts } = await store.tail({ run: id });
  const { as, reason, usage, resumeToken } = ending;
  const fold = agent.fold?.(key);
  return await store.endRun({
    session: key,
    run: id,
    epoch: claim.lease.epoch,
    as,
    parts,
    reason,
    actor: claim.lease.owner,
    usage,
    ...(as === "interrupted" ? { closers: await closersOf({ store, claim }) } : {}),
    ...(fold === undefined ? {} : { fold: foldThatHolds(fold) }),
    ...(resumeToken === undefined ? {} : { resumeToken }),
  });
}

export interface Ending {
  readonly as: "interrupted" | "discarded" | "held";
  readonly reason: string;
  readonly usage: readonly UsageRow[];
  readonly resumeToken: string | undefined;
}

async function closersOf({ store, claim }: Pick<ExecuteParams, "store" | "claim">) {
  const { project, session, id } = claim.run;
  const read = async (log: string) => {
    const params: ReadParams = { log: { project, session, log }, run: id };
    const { committed } = await store.read({ ...params, limit: 1 });
    return (await store.read({ ...params, after: committed })).entries;
  };
  const events = (await read(eventLog(id))).map(({ body }) => readEvent(body));
  const known = events.flatMap((one) => ("event" in one ? [one.event] : []));
  const tools = toolFacts(known, await readJournal(store, claim.input));
  return closersFor(claim.input.provider, await read(""), { run: id, tools });
}
