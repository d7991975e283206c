import type { CancelParams, Input } from "../../core/input.ts";
import type { LockedSession } from "./in-session.ts";

/** x */
export async function cancel(_session: LockedSession, _params: CancelParams): Promise<Input> {
  throw new Error("not built");
}
