import type { ProjectedParams } from "../../core/projection.ts";
import type { Query } from "./client.ts";

/** x */
export async function projected(_query: Query, _params: ProjectedParams): Promise<string | null> {
  throw new Error("not built");
}
