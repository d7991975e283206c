import { inputAfter } from "../../core/boundary.ts";
import type { CancelParams, Input } from "../../core/input.ts";
import { inputClosed, inputUnknown } from "../../core/work-checks.ts";
import { changeLane, dequeue, findLane } from "./lane.ts";
import { recordAudit } from "./record-audit.ts";
import { recordChange } from "./record-change.ts";
import type { State } from "./state.ts";

/** Ends a queued input, or asks the run of a running one to stop. */
export function cancel(state: State, { session: key, input: id, actor, reason }: CancelParams): Input {
  const lane = findLane(state, key);
  const stored = state.inputs.get(id);
  if (stored === undefined || lane?.inputs.has(stored) !== true) throw inputUnknown(key, id);
  const before = stored.value;
  if (before.state === "cancelled") return { ...before };
  const now = state.clock.now();
  const after = inputAfter(before, "cancel", { atMs: now, reason });
  if (after === null) throw inputClosed(before);
  changeLane(state, lane, () => dequeue(lane, stored));
  stored.value = after;
  recordAudit(state, { key, atMs: now, verb: "input_cancelled", actor, run: before.run, reason });
  recordChange(state, { key, atMs: now, kind: "input", of: id });
  return { ...after };
}
