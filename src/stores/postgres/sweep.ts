import type { SweepParams, SweepResult } from "../../core/sweep.ts";
import type { Writer } from "./in-session.ts";

/** x */
export async function sweep(_writer: Writer, _params: SweepParams): Promise<SweepResult> {
  throw new Error("not built");
}
