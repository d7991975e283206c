import type { AdmitParams, AdmitResult } from "../../core/input.ts";
import type { LockedSession } from "./in-session.ts";

/** x */
export async function admit(_session: LockedSession, _params: AdmitParams): Promise<AdmitResult> {
  throw new Error("not built");
}
