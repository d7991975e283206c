import type { AdvanceParams, ProjectionRow } from "../../core/projection.ts";
import type { Writer } from "./in-session.ts";

/** x */
export async function advance(_writer: Writer, _params: AdvanceParams): Promise<ProjectionRow> {
  throw new Error("not built");
}
