import { inputAfter } from "../../core/boundary.ts";
import type { CancelParams, Input } from "../../core/input.ts";
import { inputClosed, inputUnknown } from "../../core/work-checks.ts";
import type { LockedSession } from "./in-session.ts";
import { findInput, saveInput } from "./input.ts";
import { refreshQueue } from "./lane.ts";
import { recordAudit } from "./record-audit.ts";
import { recordChange } from "./record-change.ts";

/** Ends a queued input, or asks its run to stop. */
export async function cancel(
  { query, key, now }: LockedSession,
  { input: id, actor, reason }: CancelParams,
): Promise<Input> {
  const input = await findInput(query, key, id);
  if (input === undefined) throw inputUnknown(key, id);
  if (input.state === "cancelled") return input;
  const after = inputAfter(input, "cancel", { atMs: now, reason });
  if (after === null) throw inputClosed(input);
  // On one connection, so that the queue is looked at behind the input's change.
  await Promise.all([
    saveInput(query, after),
    refreshQueue(query, key),
    recordAudit(query, { key, atMs: now, actor, verb: "input_cancelled", run: input.run, reason }),
    recordChange(query, { key, atMs: now, kind: "input", of: id }),
  ]);
  return after;
}
