import { inputAfter } from "../../core/boundary.ts";
import { isFinal } from "../../core/holdings.ts";
import type { RequeueParams, RequeueResult } from "../../core/input.ts";
import { inputClosed, inputUnknown } from "../../core/work-checks.ts";
import type { LockedSession } from "./in-session.ts";
import { findInput, saveInput } from "./input.ts";
import { refreshQueue } from "./lane.ts";
import { recordAudit } from "./record-audit.ts";
import { recordChange } from "./record-change.ts";

/** Queues an abandoned input again. */
export async function requeue(
  { query, key, now }: LockedSession,
  { input: id, actor, reason }: RequeueParams,
): Promise<RequeueResult> {
  const input = await findInput(query, key, id);
  if (input === undefined) throw inputUnknown(key, id);
  if (!isFinal(input)) return { input, requeued: false };
  const after = inputAfter(input, "redispatch", { atMs: now });
  if (after === null) throw inputClosed(input);
  // On one connection, so that the queue is looked at behind the input's change.
  await Promise.all([
    saveInput(query, after),
    refreshQueue(query, key),
    recordAudit(query, { key, atMs: now, actor, verb: "input_requeued", run: input.run, reason }),
    recordChange(query, { key, atMs: now, kind: "input", of: id }),
  ]);
  return { input: after, requeued: true };
}
