import { inputAfter } from "../../core/boundary.ts";
import type { RequeueParams, RequeueResult } from "../../core/input.ts";
import { isFinal } from "../../core/holdings.ts";
import { inputClosed, inputUnknown } from "../../core/work-checks.ts";
import { changeLane, enqueue, findLane } from "./lane.ts";
import { recordAudit } from "./record-audit.ts";
import { recordChange } from "./record-change.ts";
import type { State } from "./state.ts";

/** Queues an abandoned input again. */
export function requeue(
  state: State,
  { session: key, input: id, actor, reason }: RequeueParams,
): RequeueResult {
  const lane = findLane(state, key);
  const stored = state.inputs.get(id);
  if (stored === undefined || lane?.inputs.has(stored) !== true) throw inputUnknown(key, id);
  const before = stored.value;
  if (!isFinal(before)) return { input: { ...before }, requeued: false };
  const now = state.clock.now();
  const after = inputAfter(before, "redispatch", { atMs: now });
  if (after === null) throw inputClosed(before);
  changeLane(state, lane, () => {
    stored.value = after;
    enqueue(lane, stored);
  });
  recordAudit(state, { key, atMs: now, verb: "input_requeued", actor, run: before.run, reason });
  recordChange(state, { key, atMs: now, kind: "input", of: id });
  return { input: { ...after }, requeued: true };
}
