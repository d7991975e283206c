import type { CommitParams, CommitResult } from "../../core/run.ts";
import type { LockedSession } from "./in-session.ts";

/** x */
export async function commit(_session: LockedSession, _params: CommitParams): Promise<CommitResult> {
  throw new Error("not built");
}
