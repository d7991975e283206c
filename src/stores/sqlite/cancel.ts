import { inputAfter } from "../../core/boundary.ts";
import type { CancelParams, Input } from "../../core/input.ts";
import { inputClosed, inputUnknown } from "../../core/work-checks.ts";
import type { Connection } from "./connection.ts";
import { findInput, saveInput } from "./input.ts";
import { refreshQueue } from "./lane.ts";
import { recordAudit } from "./record-audit.ts";
import { recordChange } from "./record-change.ts";

/** Ends a queued input, or asks its run to stop. */
export function cancel(
  connection: Connection,
  { session: key, input: id, actor, reason }: CancelParams,
  now: number,
): Input {
  const input = findInput(connection, id);
  if (input?.project !== key.project || input.session !== key.session) throw inputUnknown(key, id);
  if (input.state === "cancelled") return input;
  const after = inputAfter(input, "cancel", { atMs: now, reason });
  if (after === null) throw inputClosed(input);
  saveInput(connection, after);
  refreshQueue(connection, key);
  recordAudit(connection, { key, atMs: now, actor, verb: "input_cancelled", run: input.run, reason });
  recordChange(connection, { key, atMs: now, kind: "input", of: id });
  return after;
}
