import type { SetProjectionParams, ProjectionRow } from "../../core/projection.ts";
import type { Writer } from "./in-session.ts";

/** x */
export async function setProjection(_writer: Writer, _params: SetProjectionParams): Promise<ProjectionRow> {
  throw new Error("not built");
}
