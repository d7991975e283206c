import { inputAfter } from "../../core/boundary.ts";
import { isFinal } from "../../core/holdings.ts";
import type { RequeueParams, RequeueResult } from "../../core/input.ts";
import { inputClosed, inputUnknown } from "../../core/work-checks.ts";
import type { Connection } from "./connection.ts";
import { findInput, saveInput } from "./input.ts";
import { refreshQueue } from "./lane.ts";
import { recordAudit } from "./record-audit.ts";
import { recordChange } from "./record-change.ts";

/** Queues an abandoned input again. */
export function requeue(
  connection: Connection,
  { session: key, input: id, actor, reason }: RequeueParams,
  now: number,
): RequeueResult {
  const input = findInput(connection, id);
  if (input?.project !== key.project || input.session !== key.session) throw inputUnknown(key, id);
  if (!isFinal(input)) return { input, requeued: false };
  const after = inputAfter(input, "redispatch", { atMs: now });
  if (after === null) throw inputClosed(input);
  saveInput(connection, after);
  refreshQueue(connection, key);
  recordAudit(connection, { key, atMs: now, actor, verb: "input_requeued", run: input.run, reason });
  recordChange(connection, { key, atMs: now, kind: "input", of: id });
  return { input: after, requeued: true };
}
