import type { DescribeParams, SessionRow } from "../../core/store.ts";
import type { LockedSession } from "./in-session.ts";

/** Changes a session's catalogue row. */
export async function describe(_session: LockedSession, _params: DescribeParams): Promise<SessionRow> {
  throw new Error("not built");
}
