import type { Claim, ClaimParams } from "../../core/run.ts";
import type { Writer } from "./in-session.ts";

/** x */
export async function claim(_writer: Writer, _params: ClaimParams): Promise<Claim | null> {
  throw new Error("not built");
}
