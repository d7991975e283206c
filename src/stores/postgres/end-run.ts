import type { EndRunParams, EndRunResult } from "../../core/run.ts";
import type { LockedSession } from "./in-session.ts";
import type { KnownLogs } from "./known-logs.ts";

/** x */
export async function endRun(
  _session: LockedSession,
  _known: KnownLogs,
  _params: EndRunParams,
): Promise<EndRunResult> {
  throw new Error("not built");
}
