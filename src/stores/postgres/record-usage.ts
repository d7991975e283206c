import type { RecordUsageParams } from "../../core/usage.ts";
import type { LockedSession } from "./in-session.ts";

/** x */
export async function recordUsage(
  _session: LockedSession,
  _params: RecordUsageParams,
): Promise<{ readonly added: number }> {
  throw new Error("not built");
}
