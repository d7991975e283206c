import type { DropParams, DropResult } from "../../core/store.ts";
import type { LockedSession } from "./in-session.ts";

/** Removes a session with all it has, or one log of it. */
export async function drop(_session: LockedSession, _params: DropParams): Promise<DropResult> {
  throw new Error("not built");
}
