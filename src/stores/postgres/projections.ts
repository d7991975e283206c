import type { ProjectionRow } from "../../core/projection.ts";
import type { Writer } from "./in-session.ts";

/** x */
export async function projections(_writer: Writer): Promise<readonly ProjectionRow[]> {
  throw new Error("not built");
}
